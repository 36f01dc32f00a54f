// What is in no tile, by the schedule of each target: loops over vectors, whose rest is a masked vector
// and not a loop over scalars.
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=x86-avx512 --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=x86-avx512" --gpt-linalg-to-loops-pipeline=schedule=x86-avx512 | FileCheck %s '-D$L=16' '-D$W=64'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=x86-avx512-bf16 --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=x86-avx512-bf16" --gpt-linalg-to-loops-pipeline=schedule=x86-avx512-bf16 | FileCheck %s '-D$L=16' '-D$W=64'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=x86-avx2 --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=x86-avx2" --gpt-linalg-to-loops-pipeline=schedule=x86-avx2 | FileCheck %s '-D$L=8' '-D$W=32'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=aarch64-neon --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=aarch64-neon" --gpt-linalg-to-loops-pipeline=schedule=aarch64-neon | FileCheck %s '-D$L=4' '-D$W=16'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=generic --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=generic" --gpt-linalg-to-loops-pipeline=schedule=generic | FileCheck %s '-D$L=4' '-D$W=16'

// Four registers at a time where the body leaves them free.

// CHECK-LABEL: func.func @sum
// CHECK-NOT:     memref.load
// CHECK:         vector.load {{.+}}, vector<[[$W]]xbf16>
// CHECK:         arith.extf {{.+}} : vector<[[$W]]xbf16> to vector<[[$W]]xf32>
// CHECK:         arith.addf {{.+}} : vector<[[$W]]xf32>
// CHECK:         vector.store {{.+}}, vector<[[$W]]xbf16>
// CHECK:         vector.create_mask {{.+}} : vector<[[$L]]xi1>
// CHECK:         vector.maskedload
// CHECK:         arith.addf {{.+}} : vector<[[$L]]xf32>
// CHECK:         vector.maskedstore
// CHECK-NOT:     memref.{{load|store}}
// CHECK:         return
func.func @sum(%x: tensor<?x?xbf16>, %y: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %0 = gpt.add %x, %y : (tensor<?x?xbf16>, tensor<?x?xbf16>) -> tensor<?x?xbf16>
  return %0 : tensor<?x?xbf16>
}

// One where it does not.

// CHECK-LABEL: func.func @activation
// CHECK-NOT:     memref.load
// CHECK:         vector.load {{.+}}, vector<[[$L]]xf32>
// CHECK-NOT:     = arith.{{(add|sub|mul|div)}}f {{.+}} : f32
// CHECK:         math.exp {{.+}} : vector<[[$L]]xf32>
// CHECK:         vector.store {{.+}}, vector<[[$L]]xf32>
// CHECK:         %[[MASK:.+]] = vector.create_mask {{.+}} : vector<[[$L]]xi1>
// CHECK:         vector.maskedload {{.+}}, %[[MASK]],
// CHECK:         math.exp {{.+}} : vector<[[$L]]xf32>
// CHECK:         vector.maskedstore {{.+}}, %[[MASK]],
// CHECK-NOT:     memref.{{load|store}}
// CHECK:         return
func.func @activation(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = gpt.silu %x : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// One loop over rows. The sum of a row is that of vectors, whose lanes are put together once; what is the
// same for a row is a scalar, computed once.

// CHECK-LABEL: func.func @norm
// CHECK:         %[[SQUARES:.+]] = scf.for {{.+}} -> (vector<[[$W]]xf32>)
// CHECK:           %[[SQUARE:.+]] = arith.mulf {{.+}} : vector<[[$W]]xf32>
// CHECK:           arith.addf {{.+}}, %[[SQUARE]] {{.+}} : vector<[[$W]]xf32>
// CHECK:         vector.reduction <add>, %[[SQUARES]], {{.+}} fastmath<reassoc,contract>
// CHECK:         scf.for {{.+}} -> (vector<[[$L]]xf32>)
// CHECK:           vector.maskedload
// CHECK:         vector.reduction <add>
// CHECK:         math.rsqrt {{.+}} : f32
// CHECK:         scf.for
// CHECK-NOT:       math.rsqrt
// CHECK:           vector.load {{.+}}, vector<[[$W]]xf32>
// CHECK:           %[[LANES:.+]] = vector.broadcast {{.+}} : f32 to vector<[[$W]]xf32>
// CHECK:           arith.mulf {{.+}}, %[[LANES]] {{.+}} : vector<[[$W]]xf32>
// CHECK:           vector.store
// CHECK:         vector.maskedstore
func.func @norm(%x: tensor<?x?xf32>, %w: tensor<?xf32>) -> tensor<?x?xf32> {
  %0 = gpt.rms_norm %x, %w {epsilon = 1.0e-6} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
