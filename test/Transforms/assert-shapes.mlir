// RUN: gpt-opt %s -split-input-file -gpt-assert-shapes | FileCheck %s

// CHECK-LABEL: func.func @unnamed(
//  CHECK-SAME:   %[[X:[^:]*]]: {{.*}}, %[[Y:[^:]*]]: tensor
//       CHECK:   %[[M:.*]] = tensor.dim %[[Y]], %{{.*}}
//       CHECK:   %[[N:.*]] = tensor.dim %[[X]], %{{.*}}
//       CHECK:   %[[EQUAL:.*]] = arith.cmpi eq, %[[M]], %[[N]]
//       CHECK:   cf.assert %[[EQUAL]], "expected 'argument1' dim 0 to match 'x' dim 0, as gpt.add requires"
//   CHECK-NOT:   cf.assert
//       CHECK:   gpt.add
func.func @unnamed(%x: tensor<?x4xf32> {gpt.name = "x"}, %y: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = gpt.add %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  // The same once more.
  %1 = gpt.mul %0, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @one_name(
//   CHECK-NOT:   cf.assert
//       CHECK:   return
func.func @one_name(%x: tensor<?x4xf32> {gpt.dims = ["n", ""]},
                    %y: tensor<?x4xf32> {gpt.dims = ["n", ""]}) -> tensor<?x4xf32> {
  %0 = gpt.add %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// Of names that must be equal, one extent each is enough.

// CHECK-LABEL: func.func @two_names(
// CHECK-COUNT-1: cf.assert
//     CHECK-NOT: cf.assert
//         CHECK: return
func.func @two_names(%x: tensor<?x?xf32> {gpt.dims = ["n", "k"]},
                     %y: tensor<?x?xf32> {gpt.dims = ["m", "k"]}) -> tensor<?x?xf32> {
  %0 = gpt.add %x, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = gpt.add %0, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @number(
//       CHECK:   %[[FOUR:.*]] = arith.constant 4 : index
//       CHECK:   arith.cmpi eq, %[[FOUR]], %{{.*}}
//       CHECK:   cf.assert %{{.*}}, "expected 'x' dim 0 to be 4, as gpt.add requires"
func.func @number(%x: tensor<?xf32> {gpt.name = "x"}, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = gpt.add %x, %y : (tensor<?xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A result may be declared with more than its operands tell.

// CHECK-LABEL: func.func @declared(
//       CHECK:   cf.assert %{{.*}}, "expected 'x' dim 0 to be 4, as gpt.silu requires"
//   CHECK-NOT:   cf.assert
//       CHECK:   cf.assert %{{.*}}, "expected 'y' dim 0 to be 3, as gpt.cast requires"
//   CHECK-NOT:   cf.assert
//       CHECK:   return
func.func @declared(%x: tensor<?xf32> {gpt.name = "x"}, %y: tensor<?xf32> {gpt.name = "y"})
    -> (tensor<4xf32>, tensor<3xbf16>) {
  %0 = gpt.silu %x : (tensor<?xf32>) -> tensor<4xf32>
  %1 = gpt.cast %y : tensor<?xf32> to tensor<3xbf16>
  return %0, %1 : tensor<4xf32>, tensor<3xbf16>
}

// Only a static extent of 1 is broadcast.

// CHECK-LABEL: func.func @broadcast(
//   CHECK-NOT:   cf.assert
//       CHECK:   return
func.func @broadcast(%x: tensor<?xf32>, %y: tensor<1xf32>) -> tensor<?xf32> {
  %0 = gpt.add %x, %y : (tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func.func private @not_called(
//   CHECK-NOT:   cf.assert
//       CHECK:   return
func.func private @not_called(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %0 = gpt.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// What every op requires.

// CHECK-LABEL: func.func @linear(
// CHECK-DAG: "expected 'w' dim 1 to match 'x' dim 1, as gpt.linear requires"
// CHECK-DAG: "expected 'b' dim 0 to match 'w' dim 0, as gpt.linear requires"
func.func @linear(%x: tensor<?x?xf32> {gpt.name = "x"}, %w: tensor<?x?xf32> {gpt.weight = "w"},
                  %b: tensor<?xf32> {gpt.weight = "b"}) -> tensor<?x?xf32> {
  %0 = gpt.linear %x, %w bias(%b)
      : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @matmul(
// CHECK: "expected 'y' dim 0 to match 'x' dim 0, as gpt.matmul requires"
// CHECK: "expected 'y' dim 1 to match 'x' dim 2, as gpt.matmul requires"
func.func @matmul(%x: tensor<?x?x?xf32> {gpt.name = "x"},
                  %y: tensor<?x?x?xf32> {gpt.name = "y"}) -> tensor<?x?x?xf32> {
  %0 = gpt.matmul %x, %y : (tensor<?x?x?xf32>, tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
}

// CHECK-LABEL: func.func @norms(
// CHECK: "expected 'w' dim 0 to match 'x' dim 1, as gpt.layer_norm requires"
// CHECK: "expected 'b' dim 0 to match 'x' dim 1, as gpt.layer_norm requires"
// CHECK: "expected 'v' dim 0 to match 'x' dim 1, as gpt.rms_norm requires"
func.func @norms(%x: tensor<?x?xf32> {gpt.name = "x"}, %w: tensor<?xf32> {gpt.name = "w"},
                 %b: tensor<?xf32> {gpt.name = "b"}, %v: tensor<?xf32> {gpt.name = "v"})
    -> tensor<?x?xf32> {
  %0 = gpt.layer_norm %x, %w bias(%b) {epsilon = 1.0e-05 : f64}
      : (tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %1 = gpt.rms_norm %0, %v {epsilon = 1.0e-05 : f64}
      : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @attention(
// CHECK: "expected 'k' dim 0 to match 'q' dim 0, as gpt.attention requires"
// CHECK: "expected 'v' dim 0 to match 'q' dim 0, as gpt.attention requires"
// CHECK: "expected 'v' dim 1 to match 'k' dim 1, as gpt.attention requires"
// CHECK: "expected 'mask' dim 0 to be 2, as gpt.attention requires"
// CHECK: "expected 'mask' dim 1 to match 'q' dim 1, as gpt.attention requires"
// CHECK: "expected 'mask' dim 2 to match 'k' dim 1, as gpt.attention requires"
// CHECK-NOT: cf.assert
func.func @attention(%q: tensor<?x?x8xf32> {gpt.name = "q"}, %k: tensor<?x?x8xf32> {gpt.name = "k"},
                     %v: tensor<?x?x8xf32> {gpt.name = "v"},
                     %mask: tensor<?x?x?xf32> {gpt.name = "mask"}) -> tensor<?x?x8xf32> {
  %0 = gpt.attention %q, %k, %v mask(%mask) {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x?xf32>)
      -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @cached_attention(
// CHECK: "expected 'kc' dim 0 to match 'q' dim 0, as gpt.cached_attention requires"
// CHECK: "expected 'kc' dim 2 to be at least 1, as gpt.cached_attention requires"
// CHECK: arith.cmpi sle
// CHECK: "expected 'q' dim 1 to be at most 'kc' dim 2, as gpt.cached_attention requires"
// CHECK: "expected 'vc' dim 0 to match 'q' dim 0, as gpt.cached_attention requires"
// CHECK: "expected 'vc' dim 2 to be at least 1, as gpt.cached_attention requires"
// CHECK: "expected 'q' dim 1 to be at most 'vc' dim 2, as gpt.cached_attention requires"
// CHECK: "expected 'vc' dim 2 to match 'kc' dim 2, as gpt.cached_attention requires"
// CHECK: "expected 'p' dim 0 to match 'q' dim 0, as gpt.cached_attention requires"
func.func @cached_attention(
    %q: tensor<?x?x8xf32> {gpt.name = "q", gpt.dims = ["b", "s", ""]},
    %k: tensor<?x?x8xf32> {gpt.name = "k", gpt.dims = ["b", "s", ""]},
    %v: tensor<?x?x8xf32> {gpt.name = "v", gpt.dims = ["b", "s", ""]},
    %kc: tensor<?x2x?x4xf32> {gpt.name = "kc"}, %vc: tensor<?x2x?x4xf32> {gpt.name = "vc"},
    %p: tensor<?xi64> {gpt.name = "p"}) -> tensor<?x?x8xf32> {
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p)
      {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x2x?x4xf32>,
         tensor<?x2x?x4xf32>, tensor<?xi64>)
      -> (tensor<?x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>)
  return %0#0 : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @positions(
// CHECK: "expected 'p' dim 0 to match 'x' dim 0, as gpt.rope requires"
// CHECK: "expected 'q' dim 0 to match 'x' dim 0, as gpt.position_ids requires"
func.func @positions(%x: tensor<?x?x8xf32> {gpt.name = "x"}, %p: tensor<?xi64> {gpt.name = "p"},
                     %q: tensor<?xi64> {gpt.name = "q"})
    -> (tensor<?x?x8xf32>, tensor<?x?xi64>) {
  %0 = gpt.rope %x positions(%p) {num_heads = 2 : i64}
      : (tensor<?x?x8xf32>, tensor<?xi64>) -> tensor<?x?x8xf32>
  %1 = gpt.position_ids %x positions(%q)
      : (tensor<?x?x8xf32>, tensor<?xi64>) -> tensor<?x?xi64>
  return %0, %1 : tensor<?x?x8xf32>, tensor<?x?xi64>
}

// The sizes of a mask are numbers, here those of extents.

// CHECK-LABEL: func.func @masks(
// CHECK: "expected 'p' dim 0 to match 'x' dim 0, as gpt.causal_mask requires"
// CHECK: "expected 'x' dim 2 to match 'x' dim 1, as gpt.masked_softmax requires"
func.func @masks(%x: tensor<?x?x?xf32> {gpt.name = "x"}, %p: tensor<?xi64> {gpt.name = "p"})
    -> (tensor<?x1x1x?xf32>, tensor<?x?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x?xf32>
  %t = tensor.dim %x, %c2 : tensor<?x?x?xf32>
  %0 = gpt.causal_mask(%b, %t) positions(%p : tensor<?xi64>) : tensor<?x1x1x?xf32>
  %1 = gpt.causal_mask(%t, %t) : tensor<?x?xf32>
  %2 = gpt.masked_softmax %x, %1 : (tensor<?x?x?xf32>, tensor<?x?xf32>) -> tensor<?x?x?xf32>
  return %0, %2 : tensor<?x1x1x?xf32>, tensor<?x?x?xf32>
}

// CHECK-LABEL: func.func @choices(
// CHECK: "expected 'table' dim 0 to be at least 1, as gpt.embedding requires"
// CHECK: "expected 'table' dim 1 to be at least 1, as gpt.argmax requires"
// CHECK: "expected 'u' dim 0 to match 'ids' dim 0, as gpt.sample requires"
func.func @choices(%ids: tensor<?xi64> {gpt.name = "ids"}, %table: tensor<?x?xf32> {gpt.weight = "table"},
                   %u: tensor<?xf32> {gpt.name = "u"}) -> (tensor<?xi64>, tensor<?xi64>) {
  %0 = gpt.embedding %table, %ids : (tensor<?x?xf32>, tensor<?xi64>) -> tensor<?x?xf32>
  %1 = gpt.argmax %0 : (tensor<?x?xf32>) -> tensor<?xi64>
  %2 = gpt.sample %0, %u : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xi64>
  return %1, %2 : tensor<?xi64>, tensor<?xi64>
}

// -----

// Extents are followed through ops and calls, those of callees that have the
// same name are required as well.

// CHECK-LABEL: func.func private @block(
//   CHECK-NOT:   cf.assert
func.func private @block(%x: tensor<?x?xf32> {gpt.dims = ["n", "k"]},
                         %w: tensor<?x?xf32> {gpt.dims = ["k", ""]}) -> tensor<?x?xf32> {
  %0 = gpt.matmul %x, %w : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @caller(
//       CHECK:   "expected 'w' dim 0 to match 'x' dim 0, as function 'block' requires"
//       CHECK:   "expected 'y' dim 1 to match 'w' dim 1, as gpt.add requires"
//       CHECK:   "expected 'y' dim 0 to match 'x' dim 1, as gpt.add requires"
//   CHECK-NOT:   cf.assert
//       CHECK:   return
func.func @caller(%x: tensor<?x?xf32> {gpt.name = "x"}, %w: tensor<?x?xf32> {gpt.name = "w"},
                  %y: tensor<?x?xf32> {gpt.name = "y"}) -> tensor<?x?xf32> {
  %0 = gpt.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = call @block(%0, %w) : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = gpt.add %1, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
}

// -----

// Ops beside ours, and extents that are computed.

#id = affine_map<(d0, d1) -> (d0, d1)>
#columns = affine_map<(d0, d1) -> (d1)>

// CHECK-LABEL: func.func @linalg(
// CHECK: "expected 'x' dim 1 to match 'y' dim 0, as linalg.generic requires"
// CHECK: "expected 'y' dim 0 to be 3, as tensor.cast requires"
func.func @linalg(%x: tensor<?x?xf32> {gpt.name = "x"}, %y: tensor<?xf32> {gpt.name = "y"})
    -> (tensor<?x?xf32>, tensor<3xf32>) {
  %0 = linalg.generic {indexing_maps = [#columns, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<?xf32>) outs(%x : tensor<?x?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %sum = arith.addf %a, %b : f32
    linalg.yield %sum : f32
  } -> tensor<?x?xf32>
  %1 = tensor.cast %y : tensor<?xf32> to tensor<3xf32>
  return %0, %1 : tensor<?x?xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @slices(
//  CHECK-SAME:   %[[X:[^:]*]]: tensor
//   CHECK-DAG:   %[[N:.*]] = tensor.dim %[[X]], %{{.*}}
//       CHECK:   %[[END:.*]] = affine.apply {{.*}}()[%[[N]]]
//       CHECK:   arith.cmpi sle, %[[END]], %{{.*}}
//       CHECK:   "expected 'x' dim 0 + 2 to be at most 'y' dim 0, as tensor.extract_slice requires"
//       CHECK:   "expected 'y' dim 0 to be at least 7, as tensor.extract_slice requires"
//       CHECK:   "expected 'x' dim 0 to be 4, as tensor.cast requires"
//       CHECK:   "expected 'y' dim 0 to be at least 5, as tensor.insert_slice requires"
//   CHECK-NOT:   cf.assert
func.func @slices(%x: tensor<?xf32> {gpt.name = "x"}, %y: tensor<?xf32> {gpt.name = "y"}, %i: tensor<i64>)
    -> (tensor<?xf32>, tensor<3xf32>, tensor<?xf32>, tensor<2xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %0 = tensor.extract_slice %y[2] [%n] [1] : tensor<?xf32> to tensor<?xf32>
  %1 = tensor.extract_slice %y[2] [3] [2] : tensor<?xf32> to tensor<3xf32>
  %4 = tensor.cast %x : tensor<?xf32> to tensor<4xf32>
  %2 = tensor.insert_slice %4 into %y[1] [4] [1] : tensor<4xf32> into tensor<?xf32>
  // Nobody knows where this one is.
  %value = tensor.extract %i[] : tensor<i64>
  %offset = arith.index_cast %value : i64 to index
  %3 = tensor.extract_slice %y[%offset] [2] [1] : tensor<?xf32> to tensor<2xf32>
  return %0, %1, %2, %3 : tensor<?xf32>, tensor<3xf32>, tensor<?xf32>, tensor<2xf32>
}

// A slice begins at 0 or behind it, a size is 0 or more.

// CHECK-LABEL: func.func @signs(
//       CHECK:   "expected 'x' dim 0 - 4 to be at least 0, as tensor.extract_slice requires"
//       CHECK:   "expected 'x' dim 0 - 3 to be at least 0, as tensor.empty requires"
//   CHECK-NOT:   cf.assert
//       CHECK:   return
func.func @signs(%x: tensor<?xf32> {gpt.name = "x"}) -> (tensor<4xf32>, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %o = arith.subi %n, %c4 : index
  %0 = tensor.extract_slice %x[%o] [4] [1] : tensor<?xf32> to tensor<4xf32>
  %m = arith.subi %n, %c3 : index
  %1 = tensor.empty(%m) : tensor<?xf32>
  return %0, %1 : tensor<4xf32>, tensor<?xf32>
}

// Divisions are followed where it is known how they round.

// CHECK-LABEL: func.func @arithmetic(
//       CHECK:   "expected ('x' dim 0) * 2 to be at most 'y' dim 0, as tensor.extract_slice requires"
//       CHECK:   "expected ('x' dim 0) / 2 to be at most 'y' dim 0, as tensor.extract_slice requires"
//   CHECK-NOT:   cf.assert
//       CHECK:   return
func.func @arithmetic(%x: tensor<?xf32> {gpt.name = "x"}, %y: tensor<?xf32> {gpt.name = "y"})
    -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c5 = arith.constant 5 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %i = arith.index_cast %n : index to i64
  %j = arith.index_cast %i : i64 to index
  %double = arith.muli %c2, %j : index
  %0 = tensor.extract_slice %y[0] [%double] [1] : tensor<?xf32> to tensor<?xf32>
  %half = arith.divsi %n, %c2 : index
  %1 = tensor.extract_slice %y[0] [%half] [1] : tensor<?xf32> to tensor<?xf32>
  %less = arith.subi %n, %c5 : index
  %rounded = arith.divsi %less, %c2 : index
  %2 = tensor.extract_slice %y[0] [%rounded] [1] : tensor<?xf32> to tensor<?xf32>
  return %0, %1, %2 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// CHECK-LABEL: func.func @expansion(
//       CHECK:   "expected 'x' dim 0 to match ('y' dim 0) * 4, as tensor.expand_shape requires"
func.func @expansion(%x: tensor<?xf32> {gpt.name = "x"}, %y: tensor<?x4xf32> {gpt.name = "y"})
    -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %y, %c0 : tensor<?x4xf32>
  %0 = tensor.expand_shape %x [[0, 1]] output_shape [%n, 4] : tensor<?xf32> into tensor<?x4xf32>
  %1 = gpt.add %0, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @concatenation(
//       CHECK:   "expected 'y' dim 0 to be 2, as tensor.concat requires"
//       CHECK:   "expected 'z' dim 1 to match 'x' dim 1 + 'y' dim 1, as gpt.add requires"
func.func @concatenation(%x: tensor<2x?xf32> {gpt.name = "x"}, %y: tensor<?x?xf32> {gpt.name = "y"},
                         %z: tensor<2x?xf32> {gpt.name = "z"}) -> tensor<2x?xf32> {
  %0 = tensor.concat dim(1) %x, %y : (tensor<2x?xf32>, tensor<?x?xf32>) -> tensor<2x?xf32>
  %1 = gpt.add %0, %z : (tensor<2x?xf32>, tensor<2x?xf32>) -> tensor<2x?xf32>
  return %1 : tensor<2x?xf32>
}

// What may not run requires nothing; functions that call themselves and those
// without a body are left alone.

func.func private @external(tensor<?xf32>) -> tensor<?xf32>

// CHECK-LABEL: func.func @branches(
//   CHECK-NOT:   cf.assert
//       CHECK:   return
func.func @branches(%x: tensor<?xf32>, %y: tensor<?xf32>, %c: i1) -> tensor<?xf32> {
  %0 = scf.if %c -> tensor<?xf32> {
    %sum = gpt.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    scf.yield %sum : tensor<?xf32>
  } else {
    scf.yield %y : tensor<?xf32>
  }
  %1 = call @external(%0) : (tensor<?xf32>) -> tensor<?xf32>
  %2 = call @branches(%1, %y, %c) : (tensor<?xf32>, tensor<?xf32>, i1) -> tensor<?xf32>
  %3 = gpt.add %2, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %3 : tensor<?xf32>
}

// What can never hold is asserted all the same: compiling is no error.

// CHECK-LABEL: func.func @never(
//       CHECK:   cf.assert %{{.*}}, "expected 'x' dim 0 to be 3, as tensor.cast requires"
//       CHECK:   cf.assert %{{.*}}, "expected 'x' dim 0 to be 4, as tensor.cast requires"
func.func @never(%x: tensor<?xf32> {gpt.name = "x"}) -> (tensor<3xf32>, tensor<4xf32>) {
  %0 = tensor.cast %x : tensor<?xf32> to tensor<3xf32>
  %1 = tensor.cast %x : tensor<?xf32> to tensor<4xf32>
  return %0, %1 : tensor<3xf32>, tensor<4xf32>
}
