// Each step over the depth fetches a feature of the panel that is next.
// RUN: gpt-opt %s --split-input-file --allow-unregistered-dialect --gpt-prefetch-panels="cache-bytes=8192" | FileCheck %s
// RUN: gpt-opt %s --split-input-file --allow-unregistered-dialect --gpt-prefetch-panels="cache-bytes=4096 line-bytes=128" --remarks-filter=schedule 2>&1 | FileCheck %s --check-prefix=SMALL
// RUN: not gpt-opt %s --split-input-file --allow-unregistered-dialect --gpt-prefetch-panels="line-bytes=0" 2>&1 | FileCheck %s --check-prefix=INVALID
// INVALID: expected cache-bytes (1048576) not to be negative and line-bytes (0) to be positive

// A panel has 4096 bytes and 32 features of two lines. Four tiles of rows fetch all
// of it; the last panel fetches itself.
// CHECK-LABEL: func.func @tiles
// CHECK-SAME: (%[[W:.*]]: memref<3x32x32xf32>, %{{.*}}: memref<?x32x8xf32>
// CHECK: scf.forall (%[[N:.*]]) in (3)
// CHECK: scf.forall (%[[M:.*]]) in
// CHECK-DAG: %[[AFTER:.*]] = arith.addi %[[N]], %c1
// CHECK-DAG: %[[NEXT:.*]] = arith.minui %[[AFTER]], %c2
// CHECK-DAG: %[[PART:.*]] = arith.minui %[[M]], %c3
// CHECK-DAG: %[[FIRST:.*]] = arith.muli %[[PART]], %c8
// CHECK: scf.for %[[K:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args
// CHECK: %[[STEP:.*]] = arith.divui %[[K]], %c4
// CHECK: %[[FEATURE:.*]] = arith.addi %[[FIRST]], %[[STEP]]
// CHECK: memref.prefetch %[[W]][%[[NEXT]], %[[FEATURE]], %c0{{.*}}], read, locality<2>, data
// CHECK: memref.prefetch %[[W]][%[[NEXT]], %[[FEATURE]], %c16{{.*}}], read, locality<2>, data
// CHECK-NOT: memref.prefetch
// CHECK: vector.contract
// SMALL: two panels exceed the cache
// SMALL-LABEL: func.func @tiles
// SMALL-NOT: memref.prefetch
func.func @tiles(%w: memref<3x32x32xf32>, %x: memref<?x32x8xf32>, %y: memref<?x3x8x32xf32>, %rows: index) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %p = ub.poison : f32
  %zeros = arith.constant dense<0.0> : vector<8x32xf32>
  scf.forall (%n) in (3) {
    scf.forall (%m) in (%rows) {
      %sums = scf.for %k = %c0 to %c32 step %c4 iter_args(%sum = %zeros) -> (vector<8x32xf32>) {
        %a = vector.transfer_read %x[%m, %k, %c0], %p {in_bounds = [true, true]} : memref<?x32x8xf32>, vector<4x8xf32>
        %b = vector.transfer_read %w[%n, %k, %c0], %p {in_bounds = [true, true]} : memref<3x32x32xf32>, vector<4x32xf32>
        %next = vector.contract {indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>} %a, %b, %sum : vector<4x8xf32>, vector<4x32xf32> into vector<8x32xf32>
        scf.yield %next : vector<8x32xf32>
      }
      vector.transfer_write %sums, %y[%m, %n, %c0, %c0] {in_bounds = [true, true]} : vector<8x32xf32>, memref<?x3x8x32xf32>
    }
  }
  return
}

// -----

// Blocks of rows and pairs of bf16: the second of two loop variables counts panels.
// CHECK-LABEL: func.func @pairs
// CHECK: scf.forall (%{{.*}}, %[[N:.*]]) in
// CHECK: %[[NEXT:.*]] = arith.minui
// CHECK: memref.prefetch %{{.*}}[%[[NEXT]], %{{.*}}, %c0{{.*}}, %c0{{.*}}]
// CHECK: memref.prefetch %{{.*}}[%[[NEXT]], %{{.*}}, %c16{{.*}}, %c0{{.*}}]
func.func @pairs(%w: memref<3x32x32x2xbf16>, %blocks: index, %rows: index) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %p = ub.poison : bf16
  scf.forall (%block, %n) in (%blocks, 3) {
    scf.forall (%m) in (%rows) {
      scf.for %k = %c0 to %c32 step %c4 {
        %b = vector.transfer_read %w[%n, %k, %c0, %c0], %p {in_bounds = [true, true, true]} : memref<3x32x32x2xbf16>, vector<4x32x2xbf16>
        "test.use"(%b) : (vector<4x32x2xbf16>) -> ()
      }
    }
  }
  return
}

// -----

// Left alone: what the tiles of rows differ in, a loop that no other repeats, and a
// depth that starts elsewhere.
// CHECK-LABEL: func.func @others
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @others(%w: memref<3x32x32xf32>, %rows: index, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %p = ub.poison : f32
  scf.forall (%m) in (%rows) {
    scf.for %k = %c0 to %c32 step %c4 {
      %a = vector.transfer_read %w[%m, %k, %c0], %p {in_bounds = [true, true]} : memref<3x32x32xf32>, vector<4x32xf32>
      %b = vector.transfer_read %w[%n, %k, %c0], %p {in_bounds = [true, true]} : memref<3x32x32xf32>, vector<4x32xf32>
      "test.use"(%a, %b) : (vector<4x32xf32>, vector<4x32xf32>) -> ()
    }
  }
  scf.for %i = %c0 to %rows step %c1 {
    scf.for %m = %c1 to %rows step %c1 {
      scf.for %k = %c0 to %c32 step %c4 {
        %a = vector.transfer_read %w[%i, %k, %c0], %p {in_bounds = [true, true]} : memref<3x32x32xf32>, vector<4x32xf32>
        "test.use"(%a) : (vector<4x32xf32>) -> ()
      }
    }
    scf.for %k = %c0 to %c32 step %c4 {
      %a = vector.transfer_read %w[%i, %k, %c0], %p {in_bounds = [true, true]} : memref<3x32x32xf32>, vector<4x32xf32>
      "test.use"(%a) : (vector<4x32xf32>) -> ()
    }
  }
  return
}

// -----

// Left alone: elements that are no numbers of known width, and a depth whose steps
// lead nowhere.
// CHECK-LABEL: func.func @no_numbers
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @no_numbers(%w: memref<4x8x16xindex>, %v: memref<4x8x16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %p = ub.poison : index
  %q = ub.poison : f32
  scf.for %i = %c0 to %c4 step %c1 {
    scf.for %j = %c0 to %n step %c1 {
      scf.for %k = %c0 to %c8 step %c1 {
        %a = vector.transfer_read %w[%i, %k, %c0], %p {in_bounds = [true]} : memref<4x8x16xindex>, vector<16xindex>
        "test.use"(%a) : (vector<16xindex>) -> ()
      }
      scf.for %k = %c0 to %c8 step %c0 {
        %a = vector.transfer_read %v[%i, %k, %c0], %q {in_bounds = [true]} : memref<4x8x16xf32>, vector<16xf32>
        "test.use"(%a) : (vector<16xf32>) -> ()
      }
    }
  }
  return
}
