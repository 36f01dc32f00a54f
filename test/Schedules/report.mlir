// What a schedule took and what not, and why: one flag.
// RUN: gpt-opt %s --gpt-to-llvm-pipeline="opt-level=2 schedule=x86-avx512" --remarks-filter=schedule 2>&1 | FileCheck %s

// CHECK-DAG: [[@LINE+8]]:{{.*}} remark: [Passed] gpt-pack-projections | Category:schedule | {{.*}}Columns=96, Depth=48
// CHECK-DAG: [[@LINE+9]]:{{.*}} remark: [Missed] gpt-pack-projections | Category:schedule | Reason="depth is not a multiple of what a tile takes"
// CHECK-DAG: [[@LINE+9]]:{{.*}} remark: [Missed] gpt-pack-projections | Category:schedule | Reason="result is narrower than a tile"
// CHECK-DAG: [[@LINE+5]]:{{.*}} remark: [Passed] gpt-form-epilogues | Category:schedule | {{.*}}NumProducts=1
// CHECK-DAG: remark: [Analysis] gpt-apply-schedule | Category:schedule | Schedule=x86-avx512, Sequence=pack, StructuredOpsAfter=7, StructuredOpsBefore=7
// CHECK-DAG: remark: [Analysis] gpt-apply-schedule | Category:schedule | Schedule=x86-avx512, Sequence=tile, StructuredOpsAfter=6, StructuredOpsBefore=7
func.func @f(%x: tensor<?x?x48xf32>, %w: tensor<96x48xf32>, %y: tensor<?x?x15xf32>, %v: tensor<96x15xf32>, %u: tensor<7x48xf32>)
    -> (tensor<?x?x96xf32>, tensor<?x?x96xf32>, tensor<?x?x7xf32>) {
  %0 = gpt.linear %x, %w : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  %1 = gpt.gelu %0 : (tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  %2 = gpt.linear %y, %v : (tensor<?x?x15xf32>, tensor<96x15xf32>) -> tensor<?x?x96xf32>
  %3 = gpt.linear %x, %u : (tensor<?x?x48xf32>, tensor<7x48xf32>) -> tensor<?x?x7xf32>
  return %1, %2, %3 : tensor<?x?x96xf32>, tensor<?x?x96xf32>, tensor<?x?x7xf32>
}
