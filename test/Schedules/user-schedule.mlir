// A schedule of the user's replaces the built-in one; a wrong one is refused.
// RUN: split-file %s %t
// RUN: gpt-opt %t/payload.mlir --gpt-apply-schedule=schedule=%t/mine.mlir | FileCheck %s
// RUN: gpt-opt %t/payload.mlir "--gpt-apply-schedule=schedule=%t/mine.mlir sequence=pack optional=true" | FileCheck %s --check-prefix=ABSENT
// RUN: gpt-opt %t/payload.mlir --gpt-linalg-to-vector-pipeline=schedule=%t/mine.mlir | FileCheck %s
// RUN: not gpt-opt %t/payload.mlir --gpt-apply-schedule 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not gpt-opt %t/payload.mlir --gpt-apply-schedule=schedule=avx1024 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not gpt-opt %t/payload.mlir --gpt-apply-schedule=schedule=%t/missing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not gpt-opt %t/payload.mlir "--gpt-apply-schedule=schedule=%t/mine.mlir sequence=untile" 2>&1 | FileCheck %s --check-prefix=SEQUENCE
// RUN: not gpt-opt %t/payload.mlir "--gpt-apply-schedule=schedule=%t/mine.mlir sequence=fails" 2>&1 | FileCheck %s --check-prefix=FAILS
// RUN: not gpt-opt %t/payload.mlir --gpt-apply-schedule=schedule=%t/empty.mlir 2>&1 | FileCheck %s --check-prefix=EMPTY

// CHECK: scf.for
// CHECK: linalg.fill {{.*}} tensor<4xf32>
// A schedule need not pack.
// ABSENT-NOT: scf.for
// NONE: expected a schedule: a file, or one of x86-avx512-bf16, x86-avx512, x86-avx2, aarch64-neon, generic
// UNKNOWN: unknown schedule 'avx1024': expected a file that ends in '.mlir', or one of x86-avx512-bf16, x86-avx512, x86-avx2, aarch64-neon, generic
// MISSING: missing.mlir
// SEQUENCE: untile
// EMPTY: empty.mlir:1:1: error: schedule '{{.*}}empty.mlir' expected a module with 'transform.with_named_sequence' and a sequence 'tile', found one without
// FAILS: sequence 'fails' of schedule '{{.*}}mine.mlir' cannot be applied

//--- payload.mlir
func.func @fill(%x: f32, %y: tensor<16xf32>) -> tensor<16xf32> {
  %0 = linalg.fill ins(%x : f32) outs(%y : tensor<16xf32>) -> tensor<16xf32>
  return %0 : tensor<16xf32>
}

//--- mine.mlir
module attributes {transform.with_named_sequence} {
transform.named_sequence @tile(%module: !transform.any_op {transform.readonly}) {
  %fill = transform.structured.match ops{["linalg.fill"]} in %module : (!transform.any_op) -> !transform.any_op
  %tile, %loop = transform.structured.tile_using_for %fill tile_sizes [4]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  transform.yield
}
transform.named_sequence @fails(%module: !transform.any_op {transform.readonly}) {
  %fill = transform.structured.match ops{["linalg.fill"]} in %module : (!transform.any_op) -> !transform.any_op
  transform.structured.vectorize %fill vector_sizes [4, 4] : !transform.any_op
  transform.yield
}
}

//--- empty.mlir
module {}
