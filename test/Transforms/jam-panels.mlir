// RUN: gpt-opt %s -split-input-file -gpt-jam-panels="factor=2" -canonicalize | FileCheck %s
// RUN: gpt-opt %s -split-input-file -gpt-jam-panels="factor=3 class=others" -canonicalize | FileCheck %s --check-prefix=THREE
// RUN: gpt-opt %s -split-input-file -gpt-jam-panels="factor=4" -canonicalize | FileCheck %s --check-prefix=FOUR
// RUN: not gpt-opt %s -gpt-jam-panels="factor=0" 2>&1 | FileCheck %s --check-prefix=ERROR

// ERROR: expected factor (0) to be 1 or more

//       CHECK: #[[$FIRST:.*]] = affine_map<(d0) -> (d0 * 2)>
//       CHECK: #[[$SECOND:.*]] = affine_map<(d0) -> (d0 * 2 + 1)>

// CHECK-LABEL: func.func @even(
//  CHECK-SAME:   %[[X:.*]]: tensor<6xf32>, %[[W:.*]]: tensor<4x6xf32>
//       CHECK:   scf.forall (%[[I:.*]]) in (2) shared_outs(%[[OUT:.*]] = %{{.*}})
//   CHECK-DAG:     %[[P:.*]] = affine.apply #[[$FIRST]](%[[I]])
//   CHECK-DAG:     %[[Q:.*]] = affine.apply #[[$SECOND]](%[[I]])
//       CHECK:     %[[SUMS:.*]]:2 = scf.for %[[K:.*]] = {{.*}} iter_args(%[[S:.*]] = %{{.*}}, %[[T:.*]] = %{{.*}}) -> (f32, f32)
//       CHECK:       tensor.extract %[[X]][%[[K]]]
//       CHECK:       tensor.extract %[[W]][%[[P]], %[[K]]]
//       CHECK:       tensor.extract %[[W]][%[[Q]], %[[K]]]
//       CHECK:       %[[A:.*]] = math.fma %{{.*}}, %{{.*}}, %[[S]]
//       CHECK:       %[[B:.*]] = math.fma %{{.*}}, %{{.*}}, %[[T]]
//       CHECK:       scf.yield %[[A]], %[[B]]
//       CHECK:     %[[U:.*]] = tensor.from_elements %[[SUMS]]#0
//       CHECK:     %[[V:.*]] = tensor.from_elements %[[SUMS]]#1
//       CHECK:     scf.forall.in_parallel
//       CHECK:       tensor.parallel_insert_slice %[[U]] into %[[OUT]][%[[P]]]
//       CHECK:       tensor.parallel_insert_slice %[[V]] into %[[OUT]][%[[Q]]]
//       CHECK:   } {gpt.class = "row_panels"}
// Only loops of the class that is asked for.
// THREE-LABEL: func.func @even(
//       THREE:   in (4)
func.func @even(%x: tensor<6xf32>, %w: tensor<4x6xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c6 = arith.constant 6 : index
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4xf32>
  %y = scf.forall (%p) in (4) shared_outs(%out = %empty) -> tensor<4xf32> {
    %sum = scf.for %k = %c0 to %c6 step %c1 iter_args(%s = %zero) -> f32 {
      %a = tensor.extract %x[%k] : tensor<6xf32>
      %b = tensor.extract %w[%p, %k] : tensor<4x6xf32>
      %c = math.fma %a, %b, %s : f32
      scf.yield %c : f32
    }
    %one = tensor.from_elements %sum : tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %one into %out[%p] [1] [1] : tensor<1xf32> into tensor<4xf32>
    }
  } {gpt.class = "row_panels"}
  return %y : tensor<4xf32>
}

// -----

// The last panel is computed once more. Loops whose ranges differ stay loops.

//       THREE: #[[$SECOND:.*]] = affine_map<(d0) -> (6, d0 * 3 + 1)>
//       THREE: #[[$THIRD:.*]] = affine_map<(d0) -> (6, d0 * 3 + 2)>

// CHECK-LABEL: func.func @odd(
//       CHECK:   in (7)
// THREE-LABEL: func.func @odd(
//       THREE:   scf.forall (%[[I:.*]]) in (3)
//   THREE-DAG:     %[[P:.*]] = affine.apply #{{.*}}(%[[I]])
//   THREE-DAG:     %[[Q:.*]] = affine.min #[[$SECOND]](%[[I]])
//   THREE-DAG:     %[[R:.*]] = affine.min #[[$THIRD]](%[[I]])
//       THREE:     scf.for %{{.*}} = %{{.*}} to %[[P]] step
//       THREE:     scf.for %{{.*}} = %{{.*}} to %[[Q]] step
//       THREE:     scf.for %{{.*}} = %{{.*}} to %[[R]] step
func.func @odd(%x: tensor<7xf32>) -> tensor<7xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<7xf32>
  %y = scf.forall (%p) in (7) shared_outs(%out = %empty) -> tensor<7xf32> {
    %sum = scf.for %k = %c0 to %p step %c1 iter_args(%s = %zero) -> f32 {
      %a = tensor.extract %x[%k] : tensor<7xf32>
      %c = arith.addf %a, %s : f32
      scf.yield %c : f32
    }
    %one = tensor.from_elements %sum : tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %one into %out[%p] [1] [1] : tensor<1xf32> into tensor<7xf32>
    }
  } {gpt.class = "others"}
  return %y : tensor<7xf32>
}

// -----

// FOUR-LABEL: func.func @left_alone(
//       FOUR:   scf.forall (%{{.*}}) in (%{{.*}})
//       FOUR:   scf.forall (%{{.*}}) in (4)
//       FOUR:   scf.forall (%{{.*}}, %{{.*}}) in (4, 4)
//       FOUR:   scf.forall (%{{.*}}) in (4) {
//       FOUR:     memref.store
func.func @left_alone(%x: tensor<?xf32>, %n: index, %z: tensor<4x4xf32>, %m: memref<4xf32>, %f: f32)
    -> (tensor<?xf32>, tensor<?xf32>, tensor<4x4xf32>) {
  %one = tensor.from_elements %f : tensor<1xf32>
  %0 = scf.forall (%p) in (%n) shared_outs(%out = %x) -> tensor<?xf32> {
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %one into %out[%p] [1] [1] : tensor<1xf32> into tensor<?xf32>
    }
  } {gpt.class = "row_panels"}
  %1 = scf.forall (%p) in (4) shared_outs(%out = %x) -> tensor<?xf32> {
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %one into %out[%p] [1] [1] : tensor<1xf32> into tensor<?xf32>
    }
  } {gpt.class = "row_panels"}
  %2 = scf.forall (%p, %q) in (4, 4) shared_outs(%out = %z) -> tensor<4x4xf32> {
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %one into %out[%p, %q] [1, 1] [1, 1] : tensor<1xf32> into tensor<4x4xf32>
    }
  } {gpt.class = "row_panels"}
  scf.forall (%p) in (4) {
    memref.store %f, %m[%p] : memref<4xf32>
  } {gpt.class = "row_panels"}
  return %0, %1, %2 : tensor<?xf32>, tensor<?xf32>, tensor<4x4xf32>
}
