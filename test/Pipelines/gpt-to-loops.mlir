// RUN: gpt-opt %s -gpt-to-linalg-pipeline -gpt-linalg-to-loops-pipeline | FileCheck %s --check-prefixes=CHECK,FAST
// RUN: gpt-opt %s -gpt-to-linalg-pipeline -gpt-linalg-to-loops-pipeline="contract=false reassociate=false" \
// RUN:   | FileCheck %s --check-prefixes=CHECK,EXACT --implicit-check-not=fastmath

// The product with an out_in weight is a loop that carries its sum.

// CHECK-LABEL: func.func @linear(
//  CHECK-SAME:   %[[X:.*]]: memref<?x8xf32>, %[[W:.*]]: memref<16x8xbf16>) -> memref<?x16xf32>
//       CHECK:   %[[Y:.*]] = memref.alloc(%{{.*}}) {alignment = 64 : i64} : memref<?x16xf32>
//       CHECK:   scf.for %[[N:.*]] =
//       CHECK:     scf.for %[[M:.*]] =
//       CHECK:       %[[START:.*]] = memref.load %[[Y]][%[[M]], %[[N]]]
//       CHECK:       %[[SUM:.*]] = scf.for %[[K:.*]] = {{.*}} iter_args(%[[ACC:.*]] = %[[START]])
//   CHECK-DAG:         %[[A:.*]] = memref.load %[[X]][%[[M]], %[[K]]]
//   CHECK-DAG:         %[[B:.*]] = memref.load %[[W]][%[[N]], %[[K]]]
//       CHECK:         %[[WIDE:.*]] = arith.extf %[[B]]
//        FAST:         %[[AB:.*]] = arith.mulf %[[A]], %[[WIDE]] fastmath<contract>
//        FAST:         %[[NEXT:.*]] = arith.addf %[[ACC]], %[[AB]] fastmath<reassoc,contract>
//       EXACT:         %[[AB:.*]] = arith.mulf %[[A]], %[[WIDE]] : f32
//       EXACT:         %[[NEXT:.*]] = arith.addf %[[ACC]], %[[AB]] : f32
//       CHECK:         scf.yield %[[NEXT]]
//       CHECK:       memref.store %[[SUM]], %[[Y]][%[[M]], %[[N]]]
//       CHECK:   return %[[Y]]
func.func @linear(%x: tensor<?x8xf32>, %w: tensor<16x8xbf16>) -> tensor<?x16xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x8xf32>, tensor<16x8xbf16>) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}

// The parts of a softmax share one buffer, its statistics another one in the
// workspace.

// CHECK-LABEL: func.func @softmax(
//       CHECK:   %[[WORKSPACE:.*]] = memref.alloc(%{{.*}}) {{.*}}gpt.workspace{{.*}} : memref<?xi8>
//       CHECK:   %[[Y:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?x8xf32>
//       CHECK:   memref.view %[[WORKSPACE]]{{.*}} to memref<?xf32>
//   CHECK-NOT:   memref.alloc
//       CHECK:   math.exp
//       CHECK:   arith.divf
//       CHECK:   memref.dealloc %[[WORKSPACE]]
//       CHECK:   return %[[Y]]
func.func @softmax(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = gpt.softmax %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
