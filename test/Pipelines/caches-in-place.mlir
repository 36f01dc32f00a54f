// RUN: gpt-opt %s -gpt-to-linalg-pipeline -gpt-linalg-to-loops-pipeline \
// RUN:   | FileCheck %s --implicit-check-not=memref.copy
// RUN: gpt-opt %s -gpt-specialize-shapes -gpt-to-linalg-pipeline -gpt-linalg-to-loops-pipeline \
// RUN:   | FileCheck %s --check-prefix=CHOICE --implicit-check-not=memref.copy

// The caches of every layer are updated in the caller's buffers, through the
// calls of the block function: no copies, and no buffer of the shape of a cache
// is allocated. Cache results are not returned; the other result of a block is
// written to memory of the caller.

!act = tensor<?x1x32xf32>
!cache = tensor<?x2x?x16xf32>

// The same behind a choice of functions.
// CHOICE-LABEL: func.func @named(
// CHOICE-SAME:    -> memref<?x1x32xf32>
//       CHOICE:   %[[Y:.*]] = scf.if
//       CHOICE:     call @named_1(
//       CHOICE:     call @named_general(
//       CHOICE:   return %[[Y]] : memref<?x1x32xf32>

// CHECK-LABEL: func.func private @block(
//  CHECK-SAME:   %{{.*}}: memref<?x1x32xf32>, %[[KC:.*]]: memref<?x2x?x16xf32>, %[[VC:.*]]: memref<?x2x?x16xf32>, %{{.*}}: memref<?xi64>, %{{.*}}: memref<?x1x2x1x16xf32>,
//   CHECK-NOT:   memref.alloc({{.*}}memref<?x2x?x16xf32>
//       CHECK:   memref.store %{{.*}}, %[[KC]][
//       CHECK:   memref.store %{{.*}}, %[[VC]][
func.func private @block(%x: !act, %kc: !cache, %vc: !cache, %p: tensor<?xi64>) -> (!act, !cache, !cache) {
  %y, %k1, %v1 = gpt.cached_attention %x, %x, %x cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
    : (!act, !act, !act, !cache, !cache, tensor<?xi64>) -> (!act, !cache, !cache)
  return %y, %k1, %v1 : !act, !cache, !cache
}

// CHECK-LABEL: func.func @decode(
//  CHECK-SAME:   %[[X:[^:]*]]: memref<?x1x32xf32>, %[[P:[^:]*]]: memref<?xi64> {gpt.positions},
//  CHECK-SAME:   %[[KC0:[^:]*]]: memref<?x2x?x16xf32> {gpt.cache = "key"}, %[[VC0:[^:]*]]: memref<?x2x?x16xf32> {gpt.cache = "value"},
//  CHECK-SAME:   %[[KC1:[^:]*]]: memref<?x2x?x16xf32> {gpt.cache = "key"}, %[[VC1:[^:]*]]: memref<?x2x?x16xf32> {gpt.cache = "value"})
//  CHECK-SAME:   -> (memref<?x1x32xf32> {gpt.name = "y"}) {
//       CHECK:   %[[H:.*]] = memref.view {{.*}} to memref<?x1x2x1x16xf32>
//       CHECK:   call @block(%[[X]], %[[KC0]], %[[VC0]], %[[P]], %[[H]],
//       CHECK:   %[[H_FLAT:.*]] = memref.collapse_shape %[[H]]
//       CHECK:   %[[Y:.*]] = memref.alloc
//       CHECK:   call @block(%[[H_FLAT]], %[[KC1]], %[[VC1]], %[[P]], %[[Y]],
//       CHECK:   %[[Y_FLAT:.*]] = memref.collapse_shape %[[Y]]
//       CHECK:   return %[[Y_FLAT]]
func.func @decode(%x: !act, %p: tensor<?xi64> {gpt.positions},
                  %kc0: !cache {gpt.cache = "key", bufferization.writable = true}, %vc0: !cache {gpt.cache = "value", bufferization.writable = true},
                  %kc1: !cache {gpt.cache = "key", bufferization.writable = true}, %vc1: !cache {gpt.cache = "value", bufferization.writable = true})
    -> (!act {gpt.name = "y"}, !cache {gpt.cache = "key"}, !cache {gpt.cache = "value"}, !cache {gpt.cache = "key"}, !cache {gpt.cache = "value"}) {
  %0:3 = call @block(%x, %kc0, %vc0, %p) : (!act, !cache, !cache, tensor<?xi64>) -> (!act, !cache, !cache)
  %1:3 = call @block(%0#0, %kc1, %vc1, %p) : (!act, !cache, !cache, tensor<?xi64>) -> (!act, !cache, !cache)
  return %1#0, %0#1, %0#2, %1#1, %1#2 : !act, !cache, !cache, !cache, !cache
}

func.func @named(%x: !act {gpt.name = "x", gpt.dims = ["batch", "", ""]}, %p: tensor<?xi64> {gpt.positions, gpt.name = "positions", gpt.dims = ["batch"]},
                 %kc: !cache {gpt.cache = "key", gpt.name = "k", gpt.dims = ["batch", "", "capacity", ""], bufferization.writable = true},
                 %vc: !cache {gpt.cache = "value", gpt.name = "v", gpt.dims = ["batch", "", "capacity", ""], bufferization.writable = true})
    -> (!act, !cache {gpt.cache = "key"}, !cache {gpt.cache = "value"}) {
  %0:3 = call @block(%x, %kc, %vc, %p) : (!act, !cache, !cache, tensor<?xi64>) -> (!act, !cache, !cache)
  return %0#0, %0#1, %0#2 : !act, !cache, !cache
}
