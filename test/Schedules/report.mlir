// What a schedule took and what not, and why: one flag.
// RUN: gpt-opt %s --gpt-to-llvm-pipeline="opt-level=2 schedule=x86-avx512" --remarks-filter=schedule 2>&1 | FileCheck %s

// CHECK-DAG: [[@LINE+6]]:{{.*}} remark: [Passed] gpt-pack-projections | Category:schedule | {{.*}}Columns=96, Depth=48
// CHECK-DAG: [[@LINE+7]]:{{.*}} remark: [Missed] gpt-pack-projections | Category:schedule | Reason="result is narrower than a tile"
// CHECK-DAG: [[@LINE+4]]:{{.*}} remark: [Passed] gpt-form-epilogues | Category:schedule | {{.*}}NumProducts=1
// CHECK-DAG: remark: [Analysis] gpt-apply-schedule | Category:schedule | Schedule=x86-avx512, Sequence=pack, StructuredOpsAfter=5, StructuredOpsBefore=5
// CHECK-DAG: remark: [Analysis] gpt-apply-schedule | Category:schedule | Schedule=x86-avx512, Sequence=tile, StructuredOpsAfter=4, StructuredOpsBefore=5
func.func @f(%x: tensor<?x?x48xf32>, %w: tensor<96x48xf32>, %u: tensor<7x48xf32>) -> (tensor<?x?x96xf32>, tensor<?x?x7xf32>) {
  %0 = gpt.linear %x, %w : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  %1 = gpt.gelu %0 : (tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  %2 = gpt.linear %x, %u : (tensor<?x?x48xf32>, tensor<7x48xf32>) -> tensor<?x?x7xf32>
  return %1, %2 : tensor<?x?x96xf32>, tensor<?x?x7xf32>
}
