// What the schedules make of projections: sums that stay in registers, an epilogue on
// those registers, one store, no scalar work in the loop over the depth.
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-linalg-to-vector-pipeline=schedule=x86-avx512 | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-linalg-to-vector-pipeline=schedule=x86-avx2 | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-linalg-to-vector-pipeline="fuse-elementwise=true schedule=x86-avx512-bf16" | FileCheck %s --check-prefix=BF16
// RUN: gpt-opt %s --split-input-file --gpt-to-llvm-pipeline="opt-level=2 schedule=x86-avx512-bf16" | FileCheck %s --check-prefix=BF16LLVM
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-linalg-to-vector-pipeline=schedule=aarch64-neon | FileCheck %s --check-prefixes=CHECK,NEON
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-linalg-to-vector-pipeline=schedule=generic | FileCheck %s --check-prefixes=CHECK,GENERIC
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-linalg-to-vector-pipeline=schedule=x86-avx512 --gpt-linalg-to-loops-pipeline=threads=true | FileCheck %s --check-prefix=LOOPS
// RUN: gpt-opt %s --split-input-file --gpt-to-llvm-pipeline="opt-level=3 schedule=x86-avx512" | FileCheck %s --check-prefix=LLVM

// CHECK-LABEL: func.func @one
// The rows, one tile at a time; the last one ends with its tensor.
// AVX512: vector.transfer_read {{.*}} {in_bounds = [false, true]} : tensor<?x16xf32>, vector<8x16xf32>
// AVX2: vector.transfer_read {{.*}} {in_bounds = [false, true]} : tensor<?x16xf32>, vector<4x16xf32>
// AVX512: scf.forall (%[[N:.*]]) in (3)
// AVX2: scf.forall (%[[N:.*]]) in (6)
// AVX512: vector.transpose {{.*}} : vector<1x32x16xf32> to vector<1x16x32xf32>
// AVX2: vector.transpose {{.*}} : vector<1x16x16xf32> to vector<1x16x16xf32>
// Blocks of 128 rows and panels; in each, tiles of rows.
// AVX512: scf.forall (%{{.*}}, %{{.*}}) in (%{{.*}}, 3)
// AVX2: scf.forall (%{{.*}}, %{{.*}}) in (%{{.*}}, 6)
// CHECK: scf.forall (%{{.*}}) in
// AVX512: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (vector<8x32xf32>)
// AVX512-NEXT: vector.transfer_read
// AVX512-NEXT: vector.transfer_read
// AVX512-NEXT: vector.contract {{.*}} : vector<4x8xf32>, vector<4x32xf32> into vector<8x32xf32>
// AVX512-NEXT: scf.yield
// AVX2: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (vector<4x16xf32>)
// AVX2-NEXT: vector.transfer_read
// AVX2-NEXT: vector.transfer_read
// AVX2-NEXT: vector.contract {{.*}} : vector<4x4xf32>, vector<4x16xf32> into vector<4x16xf32>
// AVX2-NEXT: scf.yield
// NEON: vector.contract {{.*}} : vector<4x8xf32>, vector<4x8xf32> into vector<8x8xf32>
// GENERIC: vector.contract {{.*}} : vector<4x4xf32>, vector<4x8xf32> into vector<4x8xf32>
// CHECK-NOT: vector.transfer_read
// CHECK: vector.transfer_write {{.*}} {in_bounds = [false, true]}

// Panels are shared out to the threads.
// LOOPS: func.func {{.*}}@one_parallel_body
// LOOPS: scf.for {{.*}} -> (vector<8x32xf32>)

// The next panel is fetched meanwhile.
// LLVM: llvm.func {{.*}}@one_parallel_body
// LLVM: "llvm.intr.prefetch"
// LLVM: llvm.intr.fmuladd{{.*}} : (vector<32xf32>, vector<32xf32>, vector<32xf32>) -> vector<32xf32>
func.func @one(%x: tensor<?x?x48xf32>, %w: tensor<96x48xf32>) -> tensor<?x?x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  return %0 : tensor<?x?x96xf32>
}

// -----

// Bias, activation and residual of the sums while they are in registers; the bias is
// read once for all rows.
// CHECK-LABEL: func.func @epilogue
// AVX512: %[[B:.*]] = vector.transfer_read {{.*}} : tensor<96xf32>, vector<32xf32>
// AVX2: %[[B:.*]] = vector.transfer_read {{.*}} : tensor<96xf32>, vector<16xf32>
// NEON: %[[B:.*]] = vector.transfer_read {{.*}} : tensor<96xf32>, vector<8xf32>
// GENERIC: %[[B:.*]] = vector.transfer_read {{.*}} : tensor<96xf32>, vector<8xf32>
// CHECK: %[[BB:.*]] = vector.broadcast %[[B]]
// CHECK: %[[SUMS:.*]] = scf.for {{.*}} -> (vector
// CHECK: scf.yield
// CHECK: %[[R:.*]] = vector.transfer_read {{.*}} {in_bounds = [false, true]}
// CHECK: %[[S:.*]] = arith.addf %[[SUMS]], %[[BB]]
// CHECK: math.erf {{.*}} : vector
// CHECK: %[[Y:.*]] = arith.addf %[[R]],
// CHECK: vector.transfer_write %[[Y]]
// CHECK-NOT: linalg.
// CHECK: return
func.func @epilogue(%x: tensor<?x?x48xf32>, %w: tensor<96x48xf32>, %b: tensor<96xf32>, %r: tensor<?x?x96xf32>) -> tensor<?x?x96xf32> {
  %0 = gpt.linear %x, %w bias(%b) : (tensor<?x?x48xf32>, tensor<96x48xf32>, tensor<96xf32>) -> tensor<?x?x96xf32>
  %1 = gpt.gelu %0 : (tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  %2 = gpt.add %r, %1 : (tensor<?x?x96xf32>, tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  return %2 : tensor<?x?x96xf32>
}

// -----

// The sums of a gate and of what it multiplies are in registers together.
// CHECK-LABEL: func.func @gate
// CHECK-COUNT-2: vector.contract
// CHECK: math.exp {{.*}} : vector
// CHECK: vector.transfer_write
// CHECK-NOT: vector.transfer_write
// CHECK: return
func.func @gate(%x: tensor<?x?x48xf32>, %w: tensor<96x48xf32>, %v: tensor<96x48xf32>) -> tensor<?x?x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  %1 = gpt.silu %0 : (tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  %2 = gpt.linear %x, %v : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  %3 = gpt.mul %1, %2 : (tensor<?x?x96xf32>, tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  return %3 : tensor<?x?x96xf32>
}

// -----

// Pairs of bf16, with sums in f32; the result is rounded on its way to memory.
// BF16-LABEL: func.func @bf16
// BF16: scf.for {{.*}} -> (vector<8x32xf32>)
// BF16: vector.contract {{.*}} : vector<4x8x2xbf16>, vector<4x32x2xbf16> into vector<8x32xf32>
// BF16: arith.truncf {{.*}} : vector<8x32xf32> to vector<8x32xbf16>
// BF16-NEXT: vector.transfer_write
// BF16LLVM-LABEL: llvm.func {{.*}}@bf16
// BF16LLVM: "llvm.x86.avx512bf16.dpbf16ps.512"
func.func @bf16(%x: tensor<?x?x96xbf16>, %w: tensor<96x96xbf16>) -> tensor<?x?x96xbf16> {
  %0 = gpt.linear %x, %w : (tensor<?x?x96xbf16>, tensor<96x96xbf16>) -> tensor<?x?x96xbf16>
  return %0 : tensor<?x?x96xbf16>
}

// -----

// Any number of projections: none,
// CHECK-LABEL: func.func @none
// CHECK-NOT: vector.
func.func @none(%x: tensor<1x1x48xf32>, %w: tensor<96x48xf32>) -> tensor<1x1x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<1x1x48xf32>, tensor<96x48xf32>) -> tensor<1x1x96xf32>
  return %0 : tensor<1x1x96xf32>
}

// -----

// and several, with a tail of columns and a bf16 weight.
// CHECK-LABEL: func.func @several
// CHECK-COUNT-3: vector.contract
// CHECK-NOT: linalg.contract
func.func @several(%x: tensor<2x?x48xf32>, %w: tensor<96x48xf32>, %v: tensor<48x97xf32>, %u: tensor<64x48xbf16>) -> (tensor<2x?x96xf32>, tensor<2x?x97xf32>, tensor<2x?x64xf32>) {
  %0 = gpt.linear %x, %w : (tensor<2x?x48xf32>, tensor<96x48xf32>) -> tensor<2x?x96xf32>
  %1 = gpt.linear %x, %v {weight_layout = #gpt<weight_layout in_out>} : (tensor<2x?x48xf32>, tensor<48x97xf32>) -> tensor<2x?x97xf32>
  %2 = gpt.linear %x, %u : (tensor<2x?x48xf32>, tensor<64x48xbf16>) -> tensor<2x?x64xf32>
  return %0, %1, %2 : tensor<2x?x96xf32>, tensor<2x?x97xf32>, tensor<2x?x64xf32>
}

// -----

// One row: the sums of a panel, of two with AVX2, stay in registers while it is read once, and what
// follows is computed on them; f32 and bf16 weights, a last panel that is padded, nothing scalar.
// CHECK-LABEL: func.func @one_row
// AVX512: scf.forall ({{.*}}) in (4)
// AVX2: scf.forall ({{.*}}) in (4)
// AVX512: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (vector<32xf32>)
// AVX2: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) -> (vector<16xf32>, vector<16xf32>)
// CHECK: vector.transfer_read {{.*}}, vector<8xf32>
// CHECK-NEXT: vector.transfer_read
// AVX2-NEXT: vector.transfer_read
// CHECK-NEXT: vector.contract
// AVX2-NEXT: vector.contract
// CHECK-NEXT: scf.yield
// CHECK: math.exp {{.*}} : vector
// CHECK: vector.transfer_write
// AVX512: scf.forall ({{.*}}) in (2)
// AVX2: scf.forall ({{.*}}) in (2)
// AVX512: scf.for {{.*}} -> (vector<32xf32>)
// AVX2: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>)
// CHECK: vector.transfer_read {{.*}}, vector<8xf32>
// CHECK-NEXT: vector.transfer_read
// AVX2-NEXT: vector.transfer_read
// CHECK-NEXT: arith.extf
// AVX2-NEXT: arith.extf
// CHECK-NEXT: vector.contract
// AVX2-NEXT: vector.contract
// CHECK-NEXT: scf.yield
// CHECK-NOT: linalg.contract
// CHECK-NOT: memref.load
func.func @one_row(%x: tensor<1x1x48xf32>, %w: tensor<97x48xf32> {gpt.weight = "w"}, %v: tensor<48x64xbf16> {gpt.weight = "v"}) -> (tensor<1x1x97xf32>, tensor<1x1x64xf32>) {
  %0 = gpt.linear %x, %w : (tensor<1x1x48xf32>, tensor<97x48xf32>) -> tensor<1x1x97xf32>
  %1 = gpt.silu %0 : (tensor<1x1x97xf32>) -> tensor<1x1x97xf32>
  %2 = gpt.linear %x, %v {weight_layout = #gpt<weight_layout in_out>} : (tensor<1x1x48xf32>, tensor<48x64xbf16>) -> tensor<1x1x64xf32>
  return %1, %2 : tensor<1x1x97xf32>, tensor<1x1x64xf32>
}

// -----

// A gate and what it multiplies are one loop for one row, too.
// CHECK-LABEL: func.func @one_row_gate
// CHECK-COUNT-1: scf.forall (
// CHECK-COUNT-2: vector.contract
// AVX2-COUNT-2: vector.contract
// CHECK: math.exp {{.*}} : vector
// CHECK: vector.transfer_write
// AVX2: vector.transfer_write
// CHECK-NOT: vector.transfer_write
// CHECK: return
func.func @one_row_gate(%x: tensor<1x1x48xf32>, %w: tensor<96x48xf32> {gpt.weight = "w"}, %v: tensor<96x48xf32> {gpt.weight = "v"}) -> tensor<1x1x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<1x1x48xf32>, tensor<96x48xf32>) -> tensor<1x1x96xf32>
  %1 = gpt.silu %0 : (tensor<1x1x96xf32>) -> tensor<1x1x96xf32>
  %2 = gpt.linear %x, %v : (tensor<1x1x48xf32>, tensor<96x48xf32>) -> tensor<1x1x96xf32>
  %3 = gpt.mul %1, %2 : (tensor<1x1x96xf32>, tensor<1x1x96xf32>) -> tensor<1x1x96xf32>
  return %3 : tensor<1x1x96xf32>
}

// -----

// One row of bf16 reads the pairs of the panels that tiles read.
// BF16-LABEL: func.func @one_bf16_row
// BF16: scf.for {{.*}} -> (vector<32xf32>)
// BF16: vector.contract {{.*}} : vector<8x2xbf16>, vector<8x32x2xbf16> into vector<32xf32>
// BF16: arith.truncf {{.*}} : vector<32xf32> to vector<32xbf16>
// BF16-NEXT: vector.transfer_write
// BF16LLVM-LABEL: llvm.func {{.*}}@one_bf16_row
// BF16LLVM-COUNT-16: "llvm.x86.avx512bf16.dpbf16ps.512"
// BF16LLVM-NOT: "llvm.x86.avx512bf16.dpbf16ps.512"
func.func @one_bf16_row(%x: tensor<1x1x96xbf16>, %w: tensor<96x96xbf16> {gpt.weight = "w"}) -> tensor<1x1x96xbf16> {
  %0 = gpt.linear %x, %w : (tensor<1x1x96xbf16>, tensor<96x96xbf16>) -> tensor<1x1x96xbf16>
  return %0 : tensor<1x1x96xbf16>
}
