// Public functions choose between a clone with static extents and themselves.
// RUN: gpt-opt %s --split-input-file --gpt-specialize-shapes --canonicalize --verify-diagnostics | FileCheck %s
// RUN: gpt-opt %s --split-input-file --gpt-specialize-shapes="extents=2,4" --canonicalize | FileCheck %s --check-prefix=VALUES

// CHECK-LABEL: func.func @forward(
//  CHECK-SAME:     %[[X:.*]]: tensor<?x?x64xf32> {gpt.dims = ["batch", "seq", ""], gpt.name = "x"}, %[[W:.*]]: tensor<64x64xf32> {gpt.weight = "w"}
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : index
//   CHECK-DAG:   %[[C1:.*]] = arith.constant 1 : index
//       CHECK:   %[[B:.*]] = tensor.dim %[[X]], %[[C0]]
//       CHECK:   %[[ONE:.*]] = arith.cmpi eq, %[[B]], %[[C1]]
//       CHECK:   %[[S:.*]] = tensor.dim %[[X]], %[[C1]]
//       CHECK:   %[[TOKEN:.*]] = arith.cmpi eq, %[[S]], %[[C1]]
//       CHECK:   %[[BOTH:.*]] = arith.andi %[[ONE]], %[[TOKEN]]
//       CHECK:   %[[Y:.*]] = scf.if %[[BOTH]]
//       CHECK:     %[[STATIC:.*]] = tensor.cast %[[X]] : tensor<?x?x64xf32> to tensor<1x1x64xf32>
//       CHECK:     func.call @forward_1(%[[STATIC]], %[[W]])
//       CHECK:   else
//       CHECK:     func.call @forward_general(%[[X]], %[[W]])
//       CHECK:   return %[[Y]]

// CHECK-LABEL: func.func private @forward_general(
//   CHECK-NOT:   gpt.weight
//       CHECK:   call @block(

// One clone of the block for both calls.
// CHECK-LABEL: func.func private @forward_1(
//  CHECK-SAME:     %[[X1:.*]]: tensor<1x1x64xf32>, {{.*}}) -> tensor<1x1x64xf32>
//       CHECK:   %[[Y1:.*]] = call @block_1(%[[X1]]
//       CHECK:   %[[Y2:.*]] = call @block_1(%[[Y1]]
//       CHECK:   return %[[Y2]]

// CHECK-LABEL: func.func private @block_1(
//       CHECK:   gpt.linear {{.*}} -> tensor<1x1x64xf32>
//       CHECK:   gpt.cast {{.*}} to tensor<1x1x64xbf16>
//   CHECK-NOT: func.func private @block_1_

// VALUES-LABEL: func.func @forward(
//       VALUES:   scf.if
//       VALUES:     func.call @forward_2(
//       VALUES:   else
//       VALUES:     scf.if
//       VALUES:       func.call @forward_4(
//       VALUES:     else
//       VALUES:       func.call @forward_general(
func.func @forward(%x: tensor<?x?x64xf32> {gpt.name = "x", gpt.dims = ["batch", "seq", ""]}, %w: tensor<64x64xf32> {gpt.weight = "w"}) -> tensor<?x?x64xf32> {
  %0 = call @block(%x, %w) : (tensor<?x?x64xf32>, tensor<64x64xf32>) -> tensor<?x?x64xf32>
  %1 = call @block(%0, %w) : (tensor<?x?x64xf32>, tensor<64x64xf32>) -> tensor<?x?x64xf32>
  return %1 : tensor<?x?x64xf32>
}
func.func private @block(%x: tensor<?x?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x?x64xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x?x64xf32>, tensor<64x64xf32>) -> tensor<?x?x64xf32>
  %1 = gpt.cast %0 : tensor<?x?x64xf32> to tensor<?x?x64xbf16>
  %2 = gpt.cast %1 : tensor<?x?x64xbf16> to tensor<?x?x64xf32>
  return %2 : tensor<?x?x64xf32>
}

// -----

// The batch of a cache has the name of an input's; its capacity has not. Clones
// that are equal are one. Of extents with one name one is tested, and the names
// of those that stay dynamic stay.
// CHECK-LABEL: func.func @first(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x1x64xf32> {gpt.dims
//       CHECK:   %[[BATCH:.*]] = tensor.dim %[[X]], %c0
//   CHECK-NOT:   tensor.dim
//       CHECK:   %[[ONE:.*]] = arith.cmpi eq, %[[BATCH]], %c1
//       CHECK:   scf.if %[[ONE]]
//       CHECK:   func.call @first_1({{.*}}) : (tensor<1x1x64xf32>, tensor<1xi64>, tensor<1x4x?x16xf32>, tensor<1x4x?x16xf32>)
// CHECK-LABEL: func.func private @first_general(
//  CHECK-SAME:   tensor<?x1x64xf32> {gpt.dims = ["batch", "", ""]}, %{{.*}}: tensor<?xi64> {gpt.dims = ["batch"]}
// CHECK-LABEL: func.func private @first_1(
//  CHECK-SAME:   tensor<1x1x64xf32>, %{{.*}}: tensor<1xi64>, %{{.*}}: tensor<1x4x?x16xf32> {gpt.dims = ["", "", "capacity", ""]}
// CHECK-LABEL: func.func @second(
//       CHECK:   func.call @first_1(
func.func @first(%x: tensor<?x1x64xf32> {gpt.name = "x", gpt.dims = ["batch", "", ""]}, %p: tensor<?xi64> {gpt.name = "positions", gpt.positions, gpt.dims = ["batch"]}, %k: tensor<?x4x?x16xf32> {gpt.name = "k", gpt.cache = "key", gpt.dims = ["batch", "", "capacity", ""]}, %v: tensor<?x4x?x16xf32> {gpt.name = "v", gpt.cache = "value", gpt.dims = ["batch", "", "capacity", ""]}) -> (tensor<?x1x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) {
  %0:3 = call @one(%x, %p, %k, %v) : (tensor<?x1x64xf32>, tensor<?xi64>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) -> (tensor<?x1x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>)
  return %0#0, %0#1, %0#2 : tensor<?x1x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>
}
func.func @second(%x: tensor<?x?x64xf32> {gpt.name = "x", gpt.dims = ["batch", "seq", ""]}, %p: tensor<?xi64> {gpt.name = "positions", gpt.positions, gpt.dims = ["batch"]}, %k: tensor<?x4x?x16xf32> {gpt.name = "k", gpt.cache = "key", gpt.dims = ["batch", "", "capacity", ""]}, %v: tensor<?x4x?x16xf32> {gpt.name = "v", gpt.cache = "value", gpt.dims = ["batch", "", "capacity", ""]}) -> (tensor<?x?x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) {
  %0:3 = call @many(%x, %p, %k, %v) : (tensor<?x?x64xf32>, tensor<?xi64>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) -> (tensor<?x?x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>)
  return %0#0, %0#1, %0#2 : tensor<?x?x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>
}
func.func private @one(%x: tensor<?x1x64xf32>, %p: tensor<?xi64>, %k: tensor<?x4x?x16xf32>, %v: tensor<?x4x?x16xf32>) -> (tensor<?x1x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) {
  %0, %1, %2 = gpt.cached_attention %x, %x, %x cache(%k, %v) positions(%p) {num_heads = 4 : i64, num_kv_heads = 4 : i64} : (tensor<?x1x64xf32>, tensor<?x1x64xf32>, tensor<?x1x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>, tensor<?xi64>) -> (tensor<?x1x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>)
  return %0, %1, %2 : tensor<?x1x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>
}
func.func private @many(%x: tensor<?x?x64xf32>, %p: tensor<?xi64>, %k: tensor<?x4x?x16xf32>, %v: tensor<?x4x?x16xf32>) -> (tensor<?x?x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) {
  %0, %1, %2 = gpt.cached_attention %x, %x, %x cache(%k, %v) positions(%p) {num_heads = 4 : i64, num_kv_heads = 4 : i64} : (tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>, tensor<?xi64>) -> (tensor<?x?x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>)
  return %0, %1, %2 : tensor<?x?x64xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>
}

// -----

// Ops of other dialects keep their types, what is in their regions too.
// CHECK-LABEL: func.func private @other_1(
//       CHECK:   tensor.generate
//       CHECK:   tensor.cast %{{.*}} to tensor<?x64xf32>
//       CHECK:   gpt.silu {{.*}} : (tensor<?x64xf32>) -> tensor<?x64xf32>
func.func @other(%x: tensor<?x64xf32> {gpt.name = "x", gpt.dims = ["rows", ""]}) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x64xf32>
  %0 = tensor.generate %rows {
  ^bb0(%i: index, %j: index):
    %1 = tensor.extract %x[%i, %j] : tensor<?x64xf32>
    tensor.yield %1 : f32
  } : tensor<?x64xf32>
  %1 = gpt.silu %0 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// -----

// Nothing to choose: static extents, extents without a name.
// CHECK-LABEL: func.func @static(
//   CHECK-NOT:   scf.if
func.func @static(%x: tensor<2x64xf32> {gpt.name = "x", gpt.dims = ["", ""]}) -> tensor<2x64xf32> {
  %0 = gpt.silu %x : (tensor<2x64xf32>) -> tensor<2x64xf32>
  return %0 : tensor<2x64xf32>
}
// CHECK-LABEL: func.func @no_name(
//   CHECK-NOT:   scf.if
func.func @no_name(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = gpt.silu %x : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// An extent without a name may equal one that has: with %w of one element, the
// sum would be of 8 and 1.
// CHECK-LABEL: func.func @partly_named(
//   CHECK-NOT:   scf.if
// expected-remark @below {{is not specialized: an extent of an argument has no name}}
func.func @partly_named(%x: tensor<4x?xf32> {gpt.name = "x"}, %w: tensor<?xf32> {gpt.name = "w", gpt.dims = ["size"]}, %y: tensor<4x8xf32> {gpt.name = "y"}) -> tensor<4x8xf32> {
  %0 = gpt.rms_norm %x, %w {epsilon = 1.0e-5 : f64} : (tensor<4x?xf32>, tensor<?xf32>) -> tensor<4x?xf32>
  %1 = gpt.add %0, %y : (tensor<4x?xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

// An op that does not allow the extents keeps its function general.
// CHECK-LABEL: func.func @not_one(
//   CHECK-NOT:   scf.if
// expected-remark @below {{is not specialized: 'gpt.masked_softmax' op expected}}
func.func @not_one(%x: tensor<?x?xf32> {gpt.name = "x", gpt.dims = ["rows", "columns"]}, %m: tensor<8x8xf32> {gpt.name = "m"}) -> tensor<?x?xf32> {
  %0 = gpt.masked_softmax %x, %m : (tensor<?x?xf32>, tensor<8x8xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// Neither is the function that calls it: what is 1 here must be 2.
// CHECK-LABEL: func.func @calls_not_one(
//   CHECK-NOT:   scf.if
// CHECK-LABEL: func.func private @callee(
//   CHECK-NOT: @callee_1
// expected-remark @below {{is not specialized: it calls @callee, which is not}}
func.func @calls_not_one(%x: tensor<?x1x?xf32> {gpt.name = "x", gpt.dims = ["rows", "", "columns"]}, %u: tensor<2x1xf32>, %w: tensor<2x1x8xf32>) -> tensor<2x1x8xf32> {
  %0 = call @callee(%x, %u) : (tensor<?x1x?xf32>, tensor<2x1xf32>) -> tensor<?x1x?xf32>
  %1 = gpt.add %w, %0 : (tensor<2x1x8xf32>, tensor<?x1x?xf32>) -> tensor<2x1x8xf32>
  return %1 : tensor<2x1x8xf32>
}
// expected-remark @below {{is not specialized: 'gpt.sample' op expected uniform dim 0 (2) to match logits dim 0 (1)}}
func.func private @callee(%x: tensor<?x1x?xf32>, %u: tensor<2x1xf32>) -> tensor<?x1x?xf32> {
  %0 = gpt.sample %x, %u : (tensor<?x1x?xf32>, tensor<2x1xf32>) -> tensor<?x1xi64>
  return %x : tensor<?x1x?xf32>
}

// -----

// Extents that are computed from others are known in the clone, too.
// CHECK-LABEL: func.func private @computed_1(
//  CHECK-SAME:     %[[P:.*]]: tensor<1xi64>
//   CHECK-NOT:   tensor.dim
//       CHECK:   gpt.causal_mask() positions(%[[P]] : tensor<1xi64>) : tensor<1x1x3x8xf32>
//       CHECK:   gpt.masked_softmax {{.*}} : (tensor<2x1x3x8xf32>, tensor<1x1x3x8xf32>)
func.func @computed(%p: tensor<?xi64> {gpt.name = "p", gpt.dims = ["rows"]}, %w: tensor<2x1x3x8xf32>) -> tensor<2x1x3x8xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %rows = tensor.dim %p, %c0 : tensor<?xi64>
  %queries = arith.addi %rows, %c2 : index
  %mask = gpt.causal_mask(%rows, %queries) positions(%p : tensor<?xi64>) : tensor<?x1x?x8xf32>
  %0 = gpt.masked_softmax %w, %mask : (tensor<2x1x3x8xf32>, tensor<?x1x?x8xf32>) -> tensor<2x1x3x8xf32>
  return %0 : tensor<2x1x3x8xf32>
}

// -----

// Casts do not hide what contradicts: an op of another dialect keeps its types.
// CHECK-LABEL: func.func @hidden(
//   CHECK-NOT:   scf.if
// expected-remark @below {{is not specialized: 'linalg.add' op inferred input/output operand #1 has shape's dimension #0 to be 1, but found 4}}
func.func @hidden(%x: tensor<?x8xf32> {gpt.dims = ["rows", ""]}, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %empty = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.add ins(%x, %y : tensor<?x8xf32>, tensor<4x8xf32>) outs(%empty : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func.func @cast(
//   CHECK-NOT:   scf.if
// expected-remark @below {{is not specialized: 'tensor.cast' op operand type 'tensor<1x8xf32>' and result type 'tensor<4x8xf32>' are cast incompatible}}
func.func @cast(%x: tensor<?x8xf32> {gpt.dims = ["rows", ""]}, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = tensor.cast %x : tensor<?x8xf32> to tensor<4x8xf32>
  %1 = gpt.add %0, %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

// What goes in says the extents of what comes out, for ops behind it.
// CHECK-LABEL: func.func @behind(
// CHECK-LABEL: func.func private @behind_1(
//       CHECK:   %[[SUMS:.*]] = linalg.reduce {{.*}} : tensor<1x8xf32>) outs(%{{.*}} : tensor<1xf32>)
//       CHECK:   gpt.silu %[[SUMS]] : (tensor<1xf32>)
func.func @behind(%x: tensor<?x8xf32> {gpt.dims = ["rows", ""]}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x8xf32>
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%rows) : tensor<?xf32>
  %none = linalg.fill ins(%zero : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  %sums = linalg.reduce ins(%x : tensor<?x8xf32>) outs(%none : tensor<?xf32>) dimensions = [1]
    (%in: f32, %sum: f32) {
      %0 = arith.addf %in, %sum : f32
      linalg.yield %0 : f32
    }
  %1 = gpt.silu %sums : (tensor<?xf32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// -----

// CHECK-LABEL: func.func @contradicted_behind(
//   CHECK-NOT:   scf.if
// expected-remark @below {{is not specialized: 'gpt.masked_softmax' op expected mask dim 0}}
func.func @contradicted_behind(%x: tensor<?xf32> {gpt.dims = ["rows"]}, %mask: tensor<3xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?xf32>
  %empty = tensor.empty(%rows) : tensor<?xf32>
  %0 = linalg.negf ins(%x : tensor<?xf32>) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  %1 = gpt.masked_softmax %0, %mask : (tensor<?xf32>, tensor<3xf32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}
