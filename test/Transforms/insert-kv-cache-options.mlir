// Options of gpt-insert-kv-cache, and what canonicalization makes of a prefill.
// RUN: gpt-opt %s --gpt-insert-kv-cache --cse --canonicalize | FileCheck %s --check-prefixes=CHECK,LAST
// RUN: gpt-opt %s --gpt-insert-kv-cache=logits=all --canonicalize | FileCheck %s --check-prefixes=CHECK,ALL
// RUN: gpt-opt %s --gpt-insert-kv-cache="function=forward prefill-name=p decode-name=d keep-function=false cache-element-type=bf16" \
// RUN:   | FileCheck %s --check-prefix=NAMED
// RUN: gpt-opt %s --gpt-insert-kv-cache=cache-element-type=f16 | FileCheck %s --check-prefix=F16
// RUN: gpt-opt %s --gpt-insert-kv-cache=cache-element-type=f32 | FileCheck %s --check-prefix=F32
// RUN: gpt-opt %s --gpt-insert-kv-cache --remarks-filter=kv-cache 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not gpt-opt %s --gpt-insert-kv-cache=logits=first 2>&1 | FileCheck %s --check-prefix=BAD

// REMARK: remark: [Passed] InsertKVCache | Category:kv-cache | Function=forward | NumAttention=1, NumFunctions=2

// BAD: Cannot find option named 'first'

// CHECK-LABEL: func.func @forward

// The norm and the projection to logits see the last token only.
// CHECK-LABEL: func.func @prefill
// ALL-SAME: -> (tensor<?x?x50xf16>, tensor<?x1xi64> {gpt.name = "next"},
// LAST-SAME: -> (tensor<?x1x50xf16>, tensor<?x1xi64> {gpt.name = "next"},
// CHECK: %[[Y:.*]], %{{.*}}, %{{.*}} = gpt.cached_attention
// LAST: %[[L:.*]] = gpt.last_token %[[Y]] : (tensor<?x?x8xf16>) -> tensor<?x1x8xf16>
// LAST: %[[R:.*]] = gpt.last_token %{{.*}} : (tensor<?x?x8xf16>) -> tensor<?x1x8xf16>
// LAST: %[[A:.*]] = gpt.add %{{.*}}, %{{.*}} -> tensor<?x1x8xf16>
// LAST: %[[N:.*]] = gpt.layer_norm %[[A]]{{.*}} -> tensor<?x1x8xf16>
// LAST: %[[LOGITS:.*]] = gpt.linear %[[N]]{{.*}} -> tensor<?x1x50xf16>
// ALL: %[[LOGITS:.*]] = gpt.linear {{.*}} -> tensor<?x?x50xf16>
// ALL: return %[[LOGITS]],

// CHECK-LABEL: func.func @decode
// CHECK-NOT: gpt.last_token
// CHECK: return

// NAMED-NOT: @forward
// NAMED: func.func @p(
// NAMED-SAME: tensor<?x1x?x8xbf16>
// NAMED: gpt.cached_attention {{.*}} : (tensor<?x?x8xf16>, tensor<?x?x8xf16>, tensor<?x?x8xf16>, tensor<?x1x?x8xbf16>, tensor<?x1x?x8xbf16>, tensor<?xi64>) -> (tensor<?x?x8xf16>, tensor<?x1x?x8xbf16>, tensor<?x1x?x8xbf16>)
// NAMED: func.func @d(
// NAMED-SAME: tensor<?x1x?x8xbf16>

// F16: func.func @prefill
// F16-SAME: tensor<?x1x?x8xf16>
// F32: func.func @prefill
// F32-SAME: tensor<?x1x?x8xf32>

!x = tensor<?x?x8xf16>
func.func @forward(
    %x: !x, %w: tensor<8xf16> {gpt.weight = "w"}, %head: tensor<50x8xf16> {gpt.weight = "head"})
    -> (tensor<?x?x50xf16>, tensor<?x1xi64> {gpt.name = "next"}) {
  %0 = gpt.attention %x, %x, %x {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64} : (!x, !x, !x) -> !x
  %1 = gpt.add %0, %x : (!x, !x) -> !x
  %2 = gpt.layer_norm %1, %w {epsilon = 1.0e-5 : f64} : (!x, tensor<8xf16>) -> !x
  %3 = gpt.linear %2, %head : (!x, tensor<50x8xf16>) -> tensor<?x?x50xf16>
  // Already of the last token: returned as it is.
  %4 = gpt.last_token %3 : (tensor<?x?x50xf16>) -> tensor<?x1x50xf16>
  %5 = gpt.argmax %4 : (tensor<?x1x50xf16>) -> tensor<?x1xi64>
  return %3, %5 : tensor<?x?x50xf16>, tensor<?x1xi64>
}
