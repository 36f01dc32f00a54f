// Contractions of pairs of bf16 become the instruction for them.
// RUN: gpt-opt %s --split-input-file --gpt-lower-pair-products | FileCheck %s

#lhs = affine_map<(m, n, k1, k0) -> (k1, m, k0)>
#rhs = affine_map<(m, n, k1, k0) -> (k1, n, k0)>
#out = affine_map<(m, n, k1, k0) -> (m, n)>

// A pair of a row is loaded and broadcast, the pairs of 16 columns are one load.
// CHECK-LABEL: func.func @tile
// CHECK-SAME: (%[[X:.*]]: memref<?x384x2x2xbf16>, %[[W:.*]]: memref<96x384x32x2xbf16>, %[[M:.*]]: index, %[[N:.*]]: index, %[[K:.*]]: index, %[[SUMS:.*]]: vector<2x32xf32>)
// CHECK-COUNT-2: vector.load %[[X]][%[[M]], %{{.*}}, %{{.*}}, %{{.*}}] : memref<?x384x2x2xbf16>, vector<2xbf16>
// CHECK: %[[FLAT:.*]] = memref.reinterpret_cast %[[W]] to offset: [0], sizes: [96, 384, 64], strides: [24576, 64, 1]
// CHECK-DAG: %[[C0:.*]] = vector.load %[[FLAT]][%[[N]], %{{.*}}, %{{.*}}] : memref<96x384x64xbf16>, vector<32xbf16>
// CHECK-DAG: %[[C1:.*]] = vector.load %[[FLAT]][%[[N]], %{{.*}}, %{{.*}}] : memref<96x384x64xbf16>, vector<32xbf16>
// CHECK: vector.broadcast %{{.*}} : i32 to vector<16xi32>
// CHECK: x86vector.avx512.dot %{{.*}}, %[[C0]], %{{.*}} : vector<32xbf16> -> vector<16xf32>
// CHECK: x86vector.avx512.dot %{{.*}}, %[[C1]], %{{.*}}
// CHECK-COUNT-2: x86vector.avx512.dot
// CHECK-NOT: x86vector.avx512.dot
// CHECK-NOT: vector.contract
func.func @tile(%x: memref<?x384x2x2xbf16>, %w: memref<96x384x32x2xbf16>, %m: index, %n: index, %k: index, %sums: vector<2x32xf32>) -> vector<2x32xf32> {
  %c0 = arith.constant 0 : index
  %p = ub.poison : bf16
  %a = vector.transfer_read %x[%m, %k, %c0, %c0], %p {in_bounds = [true, true, true]} : memref<?x384x2x2xbf16>, vector<1x2x2xbf16>
  %b = vector.transfer_read %w[%n, %k, %c0, %c0], %p {in_bounds = [true, true, true]} : memref<96x384x32x2xbf16>, vector<1x32x2xbf16>
  %y = vector.contract {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction", "reduction"], kind = #vector.kind<add>} %a, %b, %sums : vector<1x2x2xbf16>, vector<1x32x2xbf16> into vector<2x32xf32>
  return %y : vector<2x32xf32>
}

// -----

#lhs = affine_map<(m, n, k1, k0) -> (k1, m, k0)>
#rhs = affine_map<(m, n, k1, k0) -> (k1, n, k0)>
#out = affine_map<(m, n, k1, k0) -> (m, n)>

// Operands that are not read from memory are taken apart.
// CHECK-LABEL: func.func @values
// CHECK: x86vector.avx512.dot
// CHECK: vector.extract %{{.*}}[0, 1] : vector<2xbf16> from vector<1x2x2xbf16>
// CHECK: x86vector.avx512.dot
// CHECK-NOT: vector.contract
func.func @values(%a: vector<1x2x2xbf16>, %b: vector<1x16x2xbf16>, %sums: vector<2x16xf32>) -> vector<2x16xf32> {
  %y = vector.contract {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction", "reduction"], kind = #vector.kind<add>} %a, %b, %sums : vector<1x2x2xbf16>, vector<1x16x2xbf16> into vector<2x16xf32>
  return %y : vector<2x16xf32>
}

// -----

#lhs = affine_map<(n, k1, k0) -> (k1, k0)>
#rhs = affine_map<(n, k1, k0) -> (k1, n, k0)>
#out = affine_map<(n, k1, k0) -> (n)>

// One row: each of its pairs is broadcast once.
// CHECK-LABEL: func.func @row
// CHECK-SAME: (%[[X:.*]]: memref<384x2xbf16>, %[[W:.*]]: memref<96x384x32x2xbf16>, {{.*}}%[[SUMS:.*]]: vector<32xf32>)
// CHECK-COUNT-2: vector.load %[[X]][%{{.*}}, %{{.*}}] : memref<384x2xbf16>, vector<2xbf16>
// CHECK: %[[FIRST:.*]] = vector.extract_strided_slice %[[SUMS]] {offsets = [0]
// CHECK: %[[S0:.*]] = x86vector.avx512.dot %[[FIRST]],
// CHECK: x86vector.avx512.dot
// CHECK: x86vector.avx512.dot %[[S0]],
// CHECK: x86vector.avx512.dot
// CHECK-NOT: x86vector.avx512.dot
// CHECK-NOT: vector.contract
func.func @row(%x: memref<384x2xbf16>, %w: memref<96x384x32x2xbf16>, %n: index, %k: index, %sums: vector<32xf32>) -> vector<32xf32> {
  %c0 = arith.constant 0 : index
  %p = ub.poison : bf16
  %a = vector.transfer_read %x[%k, %c0], %p {in_bounds = [true, true]} : memref<384x2xbf16>, vector<2x2xbf16>
  %b = vector.transfer_read %w[%n, %k, %c0, %c0], %p {in_bounds = [true, true, true]} : memref<96x384x32x2xbf16>, vector<2x32x2xbf16>
  %y = vector.contract {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "reduction", "reduction"], kind = #vector.kind<add>} %a, %b, %sums : vector<2x2xbf16>, vector<2x32x2xbf16> into vector<32xf32>
  return %y : vector<32xf32>
}

// -----

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>
#keys = affine_map<(b, key, head, feature) -> (key, feature)>

// Without a depth: the rows are keys whose head is in between, the columns a row of pairs.
// CHECK-LABEL: func.func @keys
// CHECK-SAME: (%[[K:.*]]: memref<1x?x4x64xbf16>, %[[Q:.*]]: memref<32x64xbf16>, %[[KEY:.*]]: index, %[[HEAD:.*]]: index, %[[F:.*]]: index, %[[P:.*]]: index,
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK: %[[NEXT:.*]] = arith.addi %[[KEY]], %{{.*}} : index
// CHECK: vector.load %[[K]][%[[C0]], %[[NEXT]], %[[HEAD]], %[[F]]] : memref<1x?x4x64xbf16>, vector<2xbf16>
// CHECK: %[[ALL:.*]] = vector.transfer_read %[[Q]][%[[P]], %[[C0]]]
// CHECK: %[[C0_31:.*]] = vector.extract_strided_slice %[[ALL]] {offsets = [0], sizes = [32]
// CHECK: %[[C32_63:.*]] = vector.extract_strided_slice %[[ALL]] {offsets = [32], sizes = [32]
// CHECK: x86vector.avx512.dot %{{.*}}, %[[C0_31]], %{{.*}}
// CHECK: x86vector.avx512.dot %{{.*}}, %[[C32_63]], %{{.*}}
// CHECK-COUNT-2: x86vector.avx512.dot
// CHECK-NOT: x86vector.avx512.dot
// CHECK-NOT: vector.contract
func.func @keys(%k: memref<1x?x4x64xbf16>, %q: memref<32x64xbf16>, %key: index, %head: index, %f: index, %p: index, %sums: vector<2x32xf32>) -> vector<2x32xf32> {
  %c0 = arith.constant 0 : index
  %u = ub.poison : bf16
  %a = vector.transfer_read %k[%c0, %key, %head, %f], %u {in_bounds = [true, true], permutation_map = #keys} : memref<1x?x4x64xbf16>, vector<2x2xbf16>
  %flat = vector.transfer_read %q[%p, %c0], %u {in_bounds = [true]} : memref<32x64xbf16>, vector<64xbf16>
  %b = vector.shape_cast %flat : vector<64xbf16> to vector<32x2xbf16>
  %y = vector.contract {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>} %a, %b, %sums : vector<2x2xbf16>, vector<32x2xbf16> into vector<2x32xf32>
  return %y : vector<2x32xf32>
}

// -----

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>
#one = affine_map<(n, k) -> (k)>
#many = affine_map<(n, k) -> (n, k)>
#sum = affine_map<(n, k) -> (n)>

// Rows that are a row of pairs in memory are loaded one by one; a single pair needs no memory.
// CHECK-LABEL: func.func @values
// CHECK-SAME: (%[[V:.*]]: memref<32x64xbf16>, %[[B:.*]]: vector<32xbf16>, %[[P:.*]]: index, %[[F:.*]]: index,
// CHECK: %[[SECOND:.*]] = arith.addi %[[F]], %{{.*}} : index
// CHECK: vector.load %[[V]][%[[P]], %[[SECOND]]] : memref<32x64xbf16>, vector<2xbf16>
// CHECK-COUNT-3: x86vector.avx512.dot
// CHECK-NOT: x86vector.avx512.dot
// CHECK-NOT: vector.contract
func.func @values(%v: memref<32x64xbf16>, %columns: vector<32xbf16>, %p: index, %f: index, %sums: vector<2x16xf32>, %total: vector<16xf32>) -> (vector<2x16xf32>, vector<16xf32>) {
  %u = ub.poison : bf16
  %ones = arith.constant dense<1.0> : vector<2xbf16>
  %flat = vector.transfer_read %v[%p, %f], %u {in_bounds = [true]} : memref<32x64xbf16>, vector<4xbf16>
  %a = vector.shape_cast %flat : vector<4xbf16> to vector<2x2xbf16>
  %b = vector.shape_cast %columns : vector<32xbf16> to vector<16x2xbf16>
  %y = vector.contract {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>} %a, %b, %sums : vector<2x2xbf16>, vector<16x2xbf16> into vector<2x16xf32>
  %z = vector.contract {indexing_maps = [#one, #many, #sum], iterator_types = ["parallel", "reduction"], kind = #vector.kind<add>} %ones, %b, %total : vector<2xbf16>, vector<16x2xbf16> into vector<16xf32>
  return %y, %z : vector<2x16xf32>, vector<16xf32>
}

// -----

// Pairs of the rows of a weight stored [k, n].
// CHECK-LABEL: func.func @interleave
// CHECK-COUNT-4: vector.interleave {{.*}} : vector<32xbf16> -> vector<64xbf16>
// CHECK-NOT: vector.transpose
func.func @interleave(%x: vector<4x2x1x32xbf16>) -> vector<1x4x32x2xbf16> {
  %0 = vector.transpose %x, [2, 0, 3, 1] : vector<4x2x1x32xbf16> to vector<1x4x32x2xbf16>
  return %0 : vector<1x4x32x2xbf16>
}

// -----

#mlhs = affine_map<(m, n, k) -> (k, m)>
#mrhs = affine_map<(m, n, k) -> (k, n)>
#mout = affine_map<(m, n, k) -> (m, n)>

// Other contractions and transpositions stay.
// CHECK-LABEL: func.func @others
// CHECK: vector.contract
// CHECK: vector.transpose
func.func @others(%a: vector<4x8xf32>, %b: vector<4x32xf32>, %sums: vector<8x32xf32>, %x: vector<8x16x2xbf16>) -> (vector<8x32xf32>, vector<16x8x2xbf16>) {
  %y = vector.contract {indexing_maps = [#mlhs, #mrhs, #mout], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>} %a, %b, %sums : vector<4x8xf32>, vector<4x32xf32> into vector<8x32xf32>
  %0 = vector.transpose %x, [1, 0, 2] : vector<8x16x2xbf16> to vector<16x8x2xbf16>
  return %y, %0 : vector<8x32xf32>, vector<16x8x2xbf16>
}

// -----

#clhs = affine_map<(m, n, k) -> (m, k)>
#crhs = affine_map<(m, n, k) -> (n, k)>
#cout = affine_map<(m, n, k) -> (m, n)>

// A mask holds one op.
// CHECK-LABEL: func.func @masked
// CHECK: vector.mask %{{.*}} { vector.contract
func.func @masked(%a: vector<4x2xbf16>, %b: vector<16x2xbf16>, %sums: vector<4x16xf32>, %mask: vector<4x16x2xi1>) -> vector<4x16xf32> {
  %y = vector.mask %mask { vector.contract {indexing_maps = [#clhs, #crhs, #cout], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>} %a, %b, %sums : vector<4x2xbf16>, vector<16x2xbf16> into vector<4x16xf32> } : vector<4x16x2xi1> -> vector<4x16xf32>
  return %y : vector<4x16xf32>
}
