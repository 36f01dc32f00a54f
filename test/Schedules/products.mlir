// Products by the schedule of each target: of activations, which no load has packed, and of one row with
// a weight. R rows by C columns of sums are registers, N panels cover 96 columns.
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=x86-avx512 --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=x86-avx512" | FileCheck %s --check-prefixes=CHECK,ONE '-D$R=8' '-D$C=32' '-D$N=3' '-D$P=3'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=x86-avx2 --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=x86-avx2" | FileCheck %s --check-prefixes=CHECK,TWO '-D$R=4' '-D$C=16' '-D$N=6' '-D$P=3'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=aarch64-neon --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=aarch64-neon" | FileCheck %s --check-prefixes=CHECK,ONE '-D$R=8' '-D$C=8' '-D$N=12' '-D$P=12'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=generic --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=generic" | FileCheck %s --check-prefixes=CHECK,ONE '-D$R=4' '-D$C=8' '-D$N=12' '-D$P=12'

// Both operands are packed where they are used, and their product is that of a projection.

// CHECK-LABEL: func.func @matmul
// CHECK:         scf.forall
// CHECK:           vector.transpose {{.+}} : vector<1x[[$R]]x16xf32> to vector<1x16x[[$R]]xf32>
// CHECK:         scf.forall ({{.+}}) in ([[$N]]) {{.+}} -> (tensor<[[$N]]x48x[[$C]]xf32>)
// CHECK:           vector.transfer_write {{.+}} : vector<16x[[$C]]xf32>
// CHECK:         scf.forall ({{.+}}, {{.+}}) in (%{{.+}}, [[$N]])
// CHECK:           scf.forall
// CHECK:             %[[SUMS:.+]] = scf.for {{.+}} iter_args(%[[SUM:.+]] = %{{.+}}) -> (vector<[[$R]]x[[$C]]xf32>)
// CHECK-NEXT:          vector.transfer_read {{.+}}, vector<4x[[$R]]xf32>
// CHECK-NEXT:          vector.transfer_read {{.+}}, vector<4x[[$C]]xf32>
// CHECK-NEXT:          vector.contract {{.+}}, %[[SUM]] : vector<4x[[$R]]xf32>, vector<4x[[$C]]xf32> into vector<[[$R]]x[[$C]]xf32>
// CHECK-NEXT:          scf.yield
// A tail of rows ends with its tensor.
// CHECK:             vector.transfer_write %[[SUMS]], {{.+}} {in_bounds = [false, true]}
// CHECK-NOT:     linalg.
// CHECK:         return
func.func @matmul(%x: tensor<?x48xf32>, %y: tensor<48x96xf32>) -> tensor<?x96xf32> {
  %0 = gpt.matmul %x, %y : (tensor<?x48xf32>, tensor<48x96xf32>) -> tensor<?x96xf32>
  return %0 : tensor<?x96xf32>
}

// One row is no tile: it reads the panels as they are, P times one, or with AVX2 two, and the sums of a
// panel stay in registers, on which the epilogue is computed.

// CHECK-LABEL: func.func @row
// CHECK:         scf.forall ({{.+}}) in ([[$P]])
// ONE:             %[[SUMS:.+]] = scf.for {{.+}} iter_args(%[[SUM:.+]] = %{{.+}}) -> (vector<[[$C]]xf32>)
// TWO:             %[[SUMS:.+]]:2 = scf.for {{.+}} iter_args(%[[SUM:.+]] = %{{.+}}, %[[OTHER:.+]] = %{{.+}}) -> (vector<[[$C]]xf32>, vector<[[$C]]xf32>)
// CHECK-NEXT:        vector.transfer_read {{.+}}, vector<8xf32>
// CHECK-NEXT:        vector.transfer_read {{.+}}, vector<8x[[$C]]xf32>
// TWO-NEXT:          vector.transfer_read {{.+}}, vector<8x[[$C]]xf32>
// CHECK-NEXT:        vector.contract {{.+}}, %[[SUM]] : vector<8xf32>, vector<8x[[$C]]xf32> into vector<[[$C]]xf32>
// TWO-NEXT:          vector.contract {{.+}}, %[[OTHER]] : vector<8xf32>, vector<8x[[$C]]xf32> into vector<[[$C]]xf32>
// CHECK-NEXT:        scf.yield
// CHECK:           %[[BIAS:.+]] = vector.transfer_read {{.+}} : tensor<96xf32>, vector<[[$C]]xf32>
// ONE:             arith.addf %[[SUMS]], %[[BIAS]] : vector<[[$C]]xf32>
// TWO:             arith.addf %[[SUMS]]#0, %[[BIAS]] : vector<[[$C]]xf32>
// TWO:             arith.addf %[[SUMS]]#1, %{{.+}} : vector<[[$C]]xf32>
// CHECK:           math.erf {{.+}} : vector<[[$C]]xf32>
// CHECK:           vector.transfer_write
// CHECK-NOT:     linalg.
// CHECK-NOT:     = arith.{{(add|sub|mul|div)}}f {{.+}} : f32
// CHECK:         return
func.func @row(%x: tensor<1x1x48xf32>, %w: tensor<96x48xf32> {gpt.weight = "w"}, %b: tensor<96xf32>) -> tensor<1x1x96xf32> {
  %0 = gpt.linear %x, %w bias(%b) : (tensor<1x1x48xf32>, tensor<96x48xf32>, tensor<96xf32>) -> tensor<1x1x96xf32>
  %1 = gpt.gelu %0 : (tensor<1x1x96xf32>) -> tensor<1x1x96xf32>
  return %1 : tensor<1x1x96xf32>
}

// Weights of bf16 are widened on their way into registers, after they were packed as they are stored.

// CHECK-LABEL: func.func @bf16_weight
// CHECK:         scf.forall ({{.+}}) in ([[$N]]) {{.+}} -> (tensor<[[$N]]x48x[[$C]]xbf16>)
// CHECK:           scf.for {{.+}} -> (vector<[[$R]]x[[$C]]xf32>)
// CHECK-NEXT:        vector.transfer_read {{.+}}, vector<4x[[$R]]xf32>
// CHECK-NEXT:        vector.transfer_read {{.+}}, vector<4x[[$C]]xbf16>
// CHECK-NEXT:        arith.extf {{.+}} : vector<4x[[$C]]xbf16> to vector<4x[[$C]]xf32>
// CHECK-NEXT:        vector.contract {{.+}} into vector<[[$R]]x[[$C]]xf32>
// CHECK-NEXT:        scf.yield
func.func @bf16_weight(%x: tensor<?x?x48xf32>, %w: tensor<96x48xbf16>) -> tensor<?x?x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x?x48xf32>, tensor<96x48xbf16>) -> tensor<?x?x96xf32>
  return %0 : tensor<?x?x96xf32>
}
