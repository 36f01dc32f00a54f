// What upstream's CSE and LICM do for us, each shown by the IR in front of it and behind it.
// RUN: gpt-opt %s --convert-gpt-to-linalg | FileCheck %s --check-prefix=TWICE
// RUN: gpt-opt %s --gpt-to-linalg-pipeline | FileCheck %s --check-prefix=ONCE
// RUN: gpt-opt %s --gpt-to-linalg-pipeline --gpt-linalg-to-vector-pipeline="schedule=x86-avx512" | FileCheck %s --check-prefix=SHARED
// RUN: gpt-opt %s --gpt-to-linalg-pipeline --gpt-linalg-to-vector-pipeline="schedule=x86-avx512" --gpt-linalg-to-loops-pipeline="schedule=x86-avx512" -o %t.loops.mlir
// RUN: gpt-opt %t.loops.mlir --gpt-loops-to-llvm-pipeline="schedule=x86-avx512" --mlir-print-ir-before=loop-invariant-code-motion -o /dev/null 2>&1 | FileCheck %s --check-prefix=INSIDE
// RUN: gpt-opt %t.loops.mlir --gpt-loops-to-llvm-pipeline="schedule=x86-avx512" --mlir-print-ir-after=loop-invariant-code-motion -o /dev/null 2>&1 | FileCheck %s --check-prefix=OUTSIDE

// Queries and keys are rotated by the same angles: one table.
// TWICE-LABEL: func.func @two_ropes(
// TWICE-COUNT-2: math.cos
// ONCE-LABEL: func.func @two_ropes(
// ONCE: math.cos
// ONCE-NOT: math.cos
// ONCE: return
func.func @two_ropes(%x: tensor<?x?x64xf32>, %w: tensor<64x64xf32>, %v: tensor<32x64xf32>, %p: tensor<?xi64>) -> (tensor<?x?x64xf32>, tensor<?x?x32xf32>) {
  %q = gpt.linear %x, %w : (tensor<?x?x64xf32>, tensor<64x64xf32>) -> tensor<?x?x64xf32>
  %k = gpt.linear %x, %v : (tensor<?x?x64xf32>, tensor<32x64xf32>) -> tensor<?x?x32xf32>
  %0 = gpt.rope %q positions(%p) {num_heads = 4 : i64} : (tensor<?x?x64xf32>, tensor<?xi64>) -> tensor<?x?x64xf32>
  %1 = gpt.rope %k positions(%p) {num_heads = 2 : i64} : (tensor<?x?x32xf32>, tensor<?xi64>) -> tensor<?x?x32xf32>
  return %0, %1 : tensor<?x?x64xf32>, tensor<?x?x32xf32>
}

// Two projections of one norm read one packed copy of its rows, which the norm writes.
// SHARED-LABEL: func.func @two_projections(
// SHARED: %[[PACKED:.*]] = scf.forall {{.*}} -> (tensor<?x64x8xf32>) {
// SHARED-NOT: -> (tensor<?x64x8xf32>) {
// SHARED: vector.transfer_read %[[PACKED]]
// SHARED-NOT: -> (tensor<?x64x8xf32>) {
// SHARED: vector.transfer_read %[[PACKED]]
// SHARED: return
func.func @two_projections(%x: tensor<?x64xf32>, %g: tensor<64xf32>, %w: tensor<96x64xf32>, %v: tensor<32x64xf32>) -> (tensor<?x96xf32>, tensor<?x32xf32>) {
  %0 = gpt.rms_norm %x, %g {epsilon = 1.0e-5 : f64} : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %1 = gpt.linear %0, %w : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %2 = gpt.linear %0, %v : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  return %1, %2 : tensor<?x96xf32>, tensor<?x32xf32>
}

// The mean of a row is spread over a vector once, not for each vector of the row.
// INSIDE-LABEL: func.func @norm(
// INSIDE: scf.for {{.*}} iter_args
// INSIDE: scf.for {{.*}} iter_args
// INSIDE: vector.broadcast %{{.*}} : f32 to vector<64xf32>
// INSIDE: scf.yield
// OUTSIDE-LABEL: func.func @norm(
// OUTSIDE: scf.for {{.*}} iter_args
// OUTSIDE: %[[SPREAD:.*]] = vector.broadcast %{{.*}} : f32 to vector<64xf32>
// OUTSIDE: scf.for {{.*}} iter_args
// OUTSIDE-NOT: vector.broadcast
// OUTSIDE: arith.subf %{{.*}}, %[[SPREAD]]
func.func @norm(%x: tensor<?x128xf32>, %g: tensor<128xf32>, %b: tensor<128xf32>) -> tensor<?x128xf32> {
  %0 = gpt.layer_norm %x, %g bias(%b) {epsilon = 1.0e-5 : f64} : (tensor<?x128xf32>, tensor<128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
  return %0 : tensor<?x128xf32>
}
