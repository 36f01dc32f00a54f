// RUN: gpt-opt %s --convert-gpt-attention-to-vector --canonicalize --cse --split-input-file | FileCheck %s

// The scores of a tile of keys are all that is ever held: no tensor is [query, key].

// CHECK-LABEL: func.func @causal
// CHECK-SAME:    %[[Q:.+]]: tensor<?x?x128xf32>, %[[K:.+]]: tensor<?x?x64xf32>, %[[V:.+]]: tensor<?x?x36xf32>
func.func @causal(%q: tensor<?x?x128xf32>, %k: tensor<?x?x64xf32>, %v: tensor<?x?x36xf32>) -> tensor<?x?x72xf32> {
  // CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
  // CHECK-DAG:     %[[C1:.+]] = arith.constant 1 : index
  // CHECK-DAG:     %[[C2:.+]] = arith.constant 2 : index
  // CHECK-DAG:     %[[C32:.+]] = arith.constant 32 : index
  // CHECK-DAG:     %[[C64:.+]] = arith.constant 64 : index
  // CHECK-DAG:     %[[HIDDEN:.+]] = arith.constant dense<0xFF800000> : vector<8x32xf32>
  // CHECK-DAG:     %[[KEYS:.+]] = tensor.expand_shape %[[K]] {{.+}} into tensor<?x?x2x32xf32>
  // CHECK-DAG:     %[[VALUES:.+]] = tensor.expand_shape %[[V]] {{.+}} into tensor<?x?x2x18xf32>
  // CHECK:         %[[TILES:.+]] = arith.ceildivsi %{{.+}}, %[[C32]]
  // CHECK:         scf.forall (%[[B:.+]], %[[H:.+]], %[[I:.+]]) in (%{{.+}}, 4, %[[TILES]]) shared_outs
  // CHECK:           %[[G:.+]] = arith.divui %[[H]], %[[C2]]
  // The queries of the last tile are masked, scaled and transposed.
  // CHECK:           %[[PACKED:.+]] = scf.for {{.+}} -> (tensor<32x32xf32>)
  // CHECK:             %[[PRESENT:.+]] = vector.create_mask
  // CHECK:             vector.transfer_read %{{.+}}, %[[PRESENT]] {in_bounds = [true, true]} : tensor<?x32xf32>, vector<16x8xf32>
  // CHECK:             vector.transpose %{{.+}}, [1, 0] : vector<16x8xf32> to vector<8x16xf32>
  // The sum, the scores of one tile, the greatest score and the sum of weights.
  // CHECK:           scf.for %[[KEY:.+]] = %[[C0]] to %{{.+}} step %[[C64]] iter_args({{.+}}) -> (tensor<18x32xf32>, tensor<64x32xf32>, vector<32xf32>, vector<32xf32>)
  // CHECK:             scf.for {{.+}} -> (tensor<64x32xf32>, vector<32xf32>)
  // CHECK:               %[[AT:.+]] = arith.addi %[[KEY]]
  // CHECK:               %[[SCORES:.+]] = scf.for %[[F:.+]] = %[[C0]] to %[[C32]] step %[[C1]] iter_args(%[[SUM:.+]] = %{{.+}}) -> (vector<8x32xf32>)
  // CHECK:                 tensor.extract %[[KEYS]][%[[B]], %[[AT]], %[[G]], %[[F]]]
  // CHECK:                 %[[COLUMN:.+]] = vector.from_elements {{.+}} : vector<8xf32>
  // CHECK:                 %[[LANES:.+]] = vector.transfer_read %[[PACKED]][%[[F]], %[[C0]]]
  // CHECK:                 vector.outerproduct %[[COLUMN]], %[[LANES]], %[[SUM]]
  // Masked only where the diagonal crosses.
  // CHECK:               scf.if %{{.+}} -> (vector<8x32xf32>)
  // CHECK:                 arith.select %{{.+}}, %[[SCORES]], %[[HIDDEN]]
  // CHECK:               } else {
  // CHECK:                 scf.yield %[[SCORES]]
  // The weights take the place of the scores.
  // CHECK:             math.exp %{{.+}} : vector<32xf32>
  // CHECK:             scf.for {{.+}} -> (tensor<64x32xf32>, vector<32xf32>)
  // CHECK:               math.exp %{{.+}} : vector<32xf32>
  // 18 features: two tiles of 8, then 2.
  // CHECK:             scf.for {{.+}} -> (tensor<18x32xf32>)
  // CHECK:               scf.for {{.+}} -> (vector<8x32xf32>)
  // CHECK:                 vector.transfer_read %[[VALUES]][%[[B]], %{{.+}}, %[[G]], %{{.+}}]{{.+}} : tensor<?x?x2x18xf32>, vector<8xf32>
  // CHECK:                 vector.outerproduct {{.+}} : vector<8xf32>, vector<32xf32>
  // CHECK:             scf.for {{.+}} -> (vector<2x32xf32>)
  // CHECK:           arith.divf
  // CHECK:           vector.transfer_write %{{.+}} : vector<16x8xf32>, tensor<?x18xf32>
  // CHECK:         } {gpt.work = 102400 : index}
  // CHECK-NOT:     gpt.attention
  %y = gpt.attention %q, %k, %v {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x128xf32>, tensor<?x?x64xf32>, tensor<?x?x36xf32>) -> tensor<?x?x72xf32>
  return %y : tensor<?x?x72xf32>
}

// -----

// Keys in front of the window of the first query are not visited, but for those
// of its tile: tiles are the same for all queries.

// CHECK-LABEL: func.func @window
func.func @window(%q: tensor<1x?x16xf32>) -> tensor<1x?x16xf32> {
  // CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
  // CHECK-DAG:     %[[C64:.+]] = arith.constant 64 : index
  // CHECK-DAG:     %[[NEAREST:.+]] = arith.constant -99 : index
  // CHECK:         scf.forall (%[[I:.+]]) in
  // CHECK:           %[[FIRST:.+]] = arith.muli %[[I]]
  // CHECK:           %[[POSITION:.+]] = arith.addi %{{.+}}, %[[FIRST]]
  // CHECK:           %[[OLDEST:.+]] = arith.addi %[[POSITION]], %[[NEAREST]]
  // CHECK:           %[[VISIBLE:.+]] = arith.maxsi %[[OLDEST]], %[[C0]]
  // CHECK:           %[[HIDDEN:.+]] = arith.remui %[[VISIBLE]], %[[C64]]
  // CHECK:           %[[BEGIN:.+]] = arith.subi %[[VISIBLE]], %[[HIDDEN]]
  // CHECK:           scf.for %{{.+}} = %[[BEGIN]] to
  // CHECK:             arith.andi %{{.+}} : vector<8x32xi1>
  %y = gpt.attention %q, %q, %q {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64, window = 100 : i64}
      : (tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x?x16xf32>) -> tensor<1x?x16xf32>
  return %y : tensor<1x?x16xf32>
}

// -----

// Narrow floats are widened as they are read. A mask is read with the lanes along its queries.

// CHECK-LABEL: func.func @mask
// CHECK-SAME:    %[[MASK:[^:]+]]: tensor<?x?xbf16>
func.func @mask(%q: tensor<2x?x16xbf16>, %k: tensor<2x?x16xbf16>, %mask: tensor<?x?xbf16>) -> tensor<2x?x16xbf16> {
  // CHECK:         arith.extf %{{.+}} : bf16 to f32
  // CHECK:         vector.outerproduct
  // CHECK:         vector.transfer_read %[[MASK]]{{.+}} {in_bounds = [true, false], permutation_map = #{{.+}}} : tensor<?x?xbf16>, vector<8x32xbf16>
  // CHECK-NOT:     scf.if
  // CHECK:         arith.truncf %{{.+}} : vector<16x8xf32> to vector<16x8xbf16>
  %y = gpt.attention %q, %k, %k mask(%mask) {num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<2x?x16xbf16>, tensor<2x?x16xbf16>, tensor<2x?x16xbf16>, tensor<?x?xbf16>) -> tensor<2x?x16xbf16>
  return %y : tensor<2x?x16xbf16>
}

// -----

// The caches are updated in front of the loop; keys behind the last query are not read.

// CHECK-LABEL: func.func @cached
// CHECK-SAME:    %[[KC:[^:]+]]: tensor<1x1x?x16xf32>, %[[VC:[^:]+]]: tensor<1x1x?x16xf32>
func.func @cached(%q: tensor<1x?x16xf32>, %kc: tensor<1x1x?x16xf32>, %vc: tensor<1x1x?x16xf32>, %p: tensor<1xi64>)
    -> (tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>) {
  // CHECK:         %[[UPDATED:.+]]:2 = scf.for {{.+}} iter_args(%{{.+}} = %[[KC]], %{{.+}} = %[[VC]])
  // CHECK:         %[[Y:.+]] = scf.forall
  // CHECK:           %[[ROWS:.+]] = arith.minsi
  // CHECK:           tensor.extract %{{.+}} : tensor<1xi64>
  // CHECK:           %[[POSITION:.+]] = arith.minsi
  // CHECK:           %[[FIRST:.+]] = arith.addi %[[POSITION]]
  // CHECK:           %[[END:.+]] = arith.addi %[[FIRST]], %[[ROWS]]
  // CHECK:           scf.for %{{.+}} = %{{.+}} to %[[END]]
  // CHECK:             tensor.extract %[[UPDATED]]#0
  // CHECK:             vector.transfer_read %[[UPDATED]]#1
  // CHECK:         return %{{.+}}, %[[UPDATED]]#0, %[[UPDATED]]#1
  %y, %k1, %v1 = gpt.cached_attention %q, %q, %q cache(%kc, %vc) positions(%p) {num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1xi64>)
      -> (tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>)
  return %y, %k1, %v1 : tensor<1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>
}

// -----

// The conversion to linalg says what it does not support.

// CHECK-LABEL: func.func @encoding
func.func @encoding(%q: tensor<1x2x16xf32, "sparse">) -> tensor<1x2x16xf32, "sparse"> {
  // CHECK:         gpt.attention
  %y = gpt.attention %q, %q, %q {num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<1x2x16xf32, "sparse">, tensor<1x2x16xf32, "sparse">, tensor<1x2x16xf32, "sparse">) -> tensor<1x2x16xf32, "sparse">
  return %y : tensor<1x2x16xf32, "sparse">
}
