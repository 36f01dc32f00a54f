// RUN: gpt-opt %s --convert-gpt-attention-to-vector=pairs --canonicalize --cse --split-input-file | FileCheck %s

// Both products of attention in bf16 are those of pairs, with sums in f32.

// CHECK-DAG:   #[[$KEYS:.+]] = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-DAG:   #[[$LHS:.+]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG:   #[[$RHS:.+]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG:   #[[$OUT:.+]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-LABEL: func.func @causal
// CHECK-SAME:    %[[Q:.+]]: tensor<?x?x128xbf16>, %[[K:.+]]: tensor<?x?x64xbf16>, %[[V:.+]]: tensor<?x?x36xbf16>
func.func @causal(%q: tensor<?x?x128xbf16>, %k: tensor<?x?x64xbf16>, %v: tensor<?x?x36xbf16>) -> tensor<?x?x72xbf16> {
  // CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
  // CHECK-DAG:     %[[C1:.+]] = arith.constant 1 : index
  // CHECK-DAG:     %[[C2:.+]] = arith.constant 2 : index
  // CHECK-DAG:     %[[C16:.+]] = arith.constant 16 : index
  // CHECK-DAG:     %[[ONES:.+]] = arith.constant dense<1.000000e+00> : vector<2xbf16>
  // CHECK-DAG:     %[[HIDDEN:.+]] = arith.constant dense<0xFF800000> : vector<32xf32>
  // CHECK-DAG:     %[[SCALE:.+]] = arith.constant dense<0.176776692> : vector<8x32xf32>
  // CHECK-DAG:     %[[KEYS4:.+]] = tensor.expand_shape %[[K]] {{.+}} into tensor<?x?x2x32xbf16>
  // CHECK-DAG:     %[[VALUES4:.+]] = tensor.expand_shape %[[V]] {{.+}} into tensor<?x?x2x18xbf16>
  // CHECK:         scf.forall (%[[B:.+]], %[[H:.+]], %[[I:.+]]) in
  // CHECK:           %[[G:.+]] = arith.divui %[[H]], %[[C2]]
  // Queries are transposed as integers, each a pair of features; nothing is scaled.
  // CHECK:           %[[PACKED:.+]] = scf.for {{.+}} -> (tensor<16x64xbf16>)
  // CHECK-NOT:         arith.mulf
  // CHECK:             vector.bitcast {{.+}} : vector<16x16xbf16> to vector<16x8xi32>
  // CHECK:             vector.transpose {{.+}} : vector<16x8xi32> to vector<8x16xi32>
  // CHECK:             vector.bitcast {{.+}} : vector<8x16xi32> to vector<8x32xbf16>
  // CHECK:           scf.for %[[KEY:.+]] = %[[C0]] to {{.+}} -> (tensor<18x32xf32>, tensor<64x32xf32>, vector<32xf32>, vector<32xf32>)
  // Pairs of features of 8 keys are read as they are stored.
  // CHECK:               %[[AT:.+]] = arith.addi %[[KEY]]
  // CHECK:               %[[SCORES:.+]] = scf.for %[[P:.+]] = %[[C0]] to %[[C16]] step %[[C1]] iter_args(%[[SUM:.+]] = %{{.+}}) -> (vector<8x32xf32>)
  // CHECK:                 %[[F:.+]] = arith.muli %[[P]], %[[C2]]
  // CHECK:                 %[[ROWS:.+]] = vector.transfer_read %[[KEYS4]][%[[B]], %[[AT]], %[[G]], %[[F]]], %{{.+}} {in_bounds = [true, true], permutation_map = #[[$KEYS]]} : tensor<?x?x2x32xbf16>, vector<8x2xbf16>
  // CHECK:                 %[[LANES:.+]] = vector.transfer_read %[[PACKED]][%[[P]], %[[C0]]]
  // CHECK:                 %[[COLUMNS:.+]] = vector.shape_cast %[[LANES]] : vector<64xbf16> to vector<32x2xbf16>
  // CHECK:                 vector.contract {indexing_maps = [#[[$LHS]], #[[$RHS]], #[[$OUT]]], {{.+}}} %[[ROWS]], %[[COLUMNS]], %[[SUM]]
  // CHECK:               arith.mulf %[[SCORES]], %[[SCALE]]
  // A key behind an odd last one is hidden.
  // CHECK:             %[[PAIRS:.+]] = arith.ceildivui %[[SIZE:.+]], %[[C2]]
  // CHECK:             %[[END:.+]] = arith.muli %[[PAIRS]], %[[C2]]
  // CHECK:             scf.for %{{.+}} = %[[SIZE]] to %[[END]] step %[[C1]]
  // CHECK:               vector.transfer_write %[[HIDDEN]]
  // Weights are rounded and interleaved; their total is that of the rounded ones.
  // CHECK:             %[[WEIGHTS:.+]]:2 = scf.for {{.+}} = %[[C0]] to %[[PAIRS]] step %[[C1]] iter_args(%{{.+}} = %{{.+}}, %[[TOTAL:.+]] = %{{.+}}) -> (tensor<32x64xbf16>, vector<32xf32>)
  // CHECK:               %[[E0:.+]] = math.exp
  // CHECK:               %[[W0:.+]] = arith.truncf %[[E0]] : vector<32xf32> to vector<32xbf16>
  // CHECK:               %[[E1:.+]] = math.exp
  // CHECK:               %[[W1:.+]] = arith.truncf %[[E1]] : vector<32xf32> to vector<32xbf16>
  // CHECK:               %[[BOTH:.+]] = vector.interleave %[[W0]], %[[W1]]
  // CHECK:               %[[CAST:.+]] = vector.shape_cast %[[BOTH]]
  // CHECK:               vector.transfer_write %[[BOTH]]
  // CHECK:               vector.contract {{.+}} %[[ONES]], %[[CAST]], %[[TOTAL]] : vector<2xbf16>, vector<32x2xbf16> into vector<32xf32>
  // Values of two keys are interleaved; behind an odd last key there are zeros, and nothing is read.
  // CHECK:             %[[WHOLE:.+]] = arith.divui %[[SIZE]], %[[C2]]
  // CHECK:             scf.for {{.+}} = %[[C0]] to %[[WHOLE]]
  // CHECK-COUNT-2:       vector.transfer_read %[[VALUES4]]{{.+}} : tensor<?x?x2x18xbf16>, vector<32xbf16>
  // CHECK:               vector.interleave
  // CHECK:             scf.for {{.+}} = %[[WHOLE]] to %[[PAIRS]]
  // CHECK:               %[[LAST:.+]] = vector.transfer_read %[[VALUES4]]
  // CHECK-NOT:           vector.transfer_read
  // CHECK:               vector.interleave %[[LAST]], %{{.+}} : vector<32xbf16>
  // 18 features: two tiles of 8, then 2.
  // CHECK:             scf.for {{.+}} -> (tensor<18x32xf32>)
  // CHECK:               scf.for {{.+}} = %[[C0]] to %[[PAIRS]] step %[[C1]] {{.+}} -> (vector<8x32xf32>)
  // CHECK:                 vector.transfer_read %[[WEIGHTS]]#0
  // CHECK:                 vector.contract {{.+}} : vector<8x2xbf16>, vector<32x2xbf16> into vector<8x32xf32>
  // CHECK:             vector.contract {{.+}} : vector<2x2xbf16>, vector<32x2xbf16> into vector<2x32xf32>
  // CHECK:           arith.divf
  %y = gpt.attention %q, %k, %v {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x128xbf16>, tensor<?x?x64xbf16>, tensor<?x?x36xbf16>) -> tensor<?x?x72xbf16>
  return %y : tensor<?x?x72xbf16>
}

// -----

// Behind an odd last feature of a key there is a zero: the next key's first one is not read.

// CHECK-LABEL: func.func @odd
func.func @odd(%q: tensor<1x?x5xbf16>) -> tensor<1x?x5xbf16> {
  // CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
  // CHECK-DAG:     %[[C1:.+]] = arith.constant 1 : index
  // CHECK-DAG:     %[[C2:.+]] = arith.constant 2 : index
  // CHECK-DAG:     %[[C4:.+]] = arith.constant 4 : index
  // CHECK-DAG:     %[[ZEROS:.+]] = arith.constant dense<0.000000e+00> : vector<8x2xbf16>
  // CHECK:         %[[WHOLE:.+]] = scf.for {{.+}} = %[[C0]] to %[[C2]] step %[[C1]] {{.+}} -> (vector<8x32xf32>)
  // CHECK:           vector.contract
  // CHECK:         %[[LAST:.+]] = vector.transfer_read %{{.+}}[%{{.+}}, %{{.+}}, %{{.+}}, %[[C4]]]{{.+}} : tensor<1x?x1x5xbf16>, vector<8x1xbf16>
  // CHECK:         %[[PAIRS:.+]] = vector.insert_strided_slice %[[LAST]], %[[ZEROS]] {offsets = [0, 0], strides = [1, 1]}
  // CHECK:         vector.contract {{.+}} %[[PAIRS]], %{{.+}}, %[[WHOLE]]
  %y = gpt.attention %q, %q, %q {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<1x?x5xbf16>, tensor<1x?x5xbf16>, tensor<1x?x5xbf16>) -> tensor<1x?x5xbf16>
  return %y : tensor<1x?x5xbf16>
}

// -----

// Queries in f32 are not rounded for a cache in bf16; one query has a form of its own.

// CHECK-LABEL: func.func @others
// CHECK-NOT:     vector.contract
func.func @others(%q: tensor<1x?x16xf32>, %kc: tensor<1x1x?x16xbf16>, %vc: tensor<1x1x?x16xbf16>, %p: tensor<1xi64>, %x: tensor<1x1x16xbf16>)
    -> (tensor<1x?x16xf32>, tensor<1x1x?x16xbf16>, tensor<1x1x?x16xbf16>, tensor<1x1x16xbf16>) {
  %y, %k1, %v1 = gpt.cached_attention %q, %q, %q cache(%kc, %vc) positions(%p) {num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x1x?x16xbf16>, tensor<1x1x?x16xbf16>, tensor<1xi64>)
      -> (tensor<1x?x16xf32>, tensor<1x1x?x16xbf16>, tensor<1x1x?x16xbf16>)
  %z = gpt.attention %x, %x, %x {num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<1x1x16xbf16>, tensor<1x1x16xbf16>, tensor<1x1x16xbf16>) -> tensor<1x1x16xbf16>
  return %y, %k1, %v1, %z : tensor<1x?x16xf32>, tensor<1x1x?x16xbf16>, tensor<1x1x?x16xbf16>, tensor<1x1x16xbf16>
}
