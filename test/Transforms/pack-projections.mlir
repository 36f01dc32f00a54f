// Products with a weight become contractions of panels; others stay.
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-pack-projections --canonicalize --cse | FileCheck %s
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-pack-projections=pairs=true --canonicalize --cse | FileCheck %s --check-prefix=PAIRS
// RUN: gpt-opt %s --split-input-file --gpt-pack-projections | FileCheck %s --check-prefix=EXTENTS
// RUN: not gpt-opt %s --split-input-file --gpt-pack-projections=row-tile=0 2>&1 | FileCheck %s --check-prefix=INVALID
// RUN: not gpt-opt %s --split-input-file --gpt-pack-projections=row-tile=9223372036854775807 2>&1 | FileCheck %s --check-prefix=LARGE
// INVALID: expected row-tile (0), column-tile ({{[0-9]+}}) and depth-multiple ({{[0-9]+}}) to be from 1 to 65536
// LARGE: expected row-tile (9223372036854775807), {{.*}} to be from 1 to 65536

// CHECK-LABEL: func.func @out_in
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x48xf32>, %[[W:.*]]: tensor<96x48xbf16>, %[[B:.*]]: tensor<96xf32>)
// CHECK: %[[VIEW:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]] : tensor<?x?x48xf32> into tensor<?x48xf32>
// CHECK: %[[XP:.*]] = linalg.pack %[[VIEW]] padding_value({{.*}}) inner_dims_pos = [0] inner_tiles = [8] into %{{.*}} {gpt.class = "rows"} : tensor<?x48xf32> -> tensor<?x48x8xf32>
// CHECK: %[[WP:.*]] = linalg.pack %[[W]] inner_dims_pos = [0] inner_tiles = [32] into %{{.*}} {gpt.class = "weight"} : tensor<96x48xbf16> -> tensor<3x48x32xbf16>
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK: %[[P:.*]] = linalg.contract {{.*}}{gpt.class = "projection"} ins(%[[XP]], %[[WP]] : {{.*}}) outs(%[[ZERO]] : tensor<?x3x8x32xf32>)
// CHECK: %[[ROWS:.*]] = linalg.unpack %[[P]] inner_dims_pos = [0, 1] inner_tiles = [8, 32] into %{{.*}} {gpt.class = "product"} : tensor<?x3x8x32xf32> -> tensor<?x96xf32>
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[ROWS]], %[[B]]
// CHECK: arith.addf
// CHECK: tensor.expand_shape %[[SUM]] {{\[\[}}0, 1], [2]] output_shape {{.*}} : tensor<?x96xf32> into tensor<?x?x96xf32>
func.func @out_in(%x: tensor<?x?x48xf32>, %w: tensor<96x48xbf16>, %b: tensor<96xf32>) -> tensor<?x?x96xf32> {
  %0 = gpt.linear %x, %w bias(%b) : (tensor<?x?x48xf32>, tensor<96x48xbf16>, tensor<96xf32>) -> tensor<?x?x96xf32>
  return %0 : tensor<?x?x96xf32>
}

// -----

// A weight stored [k, n] is packed to the same panels; columns are padded.
// CHECK-LABEL: func.func @in_out
// CHECK-SAME: (%[[X:.*]]: tensor<1x?x48xf32>, %[[W:.*]]: tensor<48x97xf32>)
// CHECK: linalg.pack %[[W]] padding_value({{.*}}) outer_dims_perm = [1, 0] inner_dims_pos = [1] inner_tiles = [32] into %{{.*}} {gpt.class = "weight"} : tensor<48x97xf32> -> tensor<4x48x32xf32>
// CHECK: linalg.contract
// CHECK: linalg.unpack %{{.*}} : tensor<?x4x8x32xf32> -> tensor<?x97xf32>
func.func @in_out(%x: tensor<1x?x48xf32>, %w: tensor<48x97xf32>) -> tensor<1x?x97xf32> {
  %0 = gpt.linear %x, %w {weight_layout = #gpt<weight_layout in_out>} : (tensor<1x?x48xf32>, tensor<48x97xf32>) -> tensor<1x?x97xf32>
  return %0 : tensor<1x?x97xf32>
}

// -----

// Two products of the same rows share their packed copy.
// CHECK-LABEL: func.func @shared
// CHECK-COUNT-1: {gpt.class = "rows"}
// CHECK-NOT: {gpt.class = "rows"}
func.func @shared(%x: tensor<?x?x48xf32>, %w: tensor<96x48xf32>, %v: tensor<32x48xf32>) -> (tensor<?x?x96xf32>, tensor<?x?x32xf32>) {
  %0 = gpt.linear %x, %w : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  %1 = gpt.linear %x, %v : (tensor<?x?x48xf32>, tensor<32x48xf32>) -> tensor<?x?x32xf32>
  return %0, %1 : tensor<?x?x96xf32>, tensor<?x?x32xf32>
}

// -----

// One row with what is not a weight, fewer columns than a tile, a product of
// activations.
// CHECK-LABEL: func.func @left_alone
// CHECK-NOT: linalg.pack
// CHECK-COUNT-3: linalg.contract
func.func @left_alone(%x: tensor<1x1x48xf32>, %a: tensor<?x?x48xf32>, %w: tensor<96x48xf32>, %u: tensor<31x48xf32>, %m: tensor<?x48x64xf32>) -> (tensor<1x1x96xf32>, tensor<?x?x31xf32>, tensor<?x?x64xf32>) {
  %0 = gpt.linear %x, %w : (tensor<1x1x48xf32>, tensor<96x48xf32>) -> tensor<1x1x96xf32>
  %1 = gpt.linear %a, %u : (tensor<?x?x48xf32>, tensor<31x48xf32>) -> tensor<?x?x31xf32>
  %2 = gpt.matmul %a, %m : (tensor<?x?x48xf32>, tensor<?x48x64xf32>) -> tensor<?x?x64xf32>
  return %0, %1, %2 : tensor<1x1x96xf32>, tensor<?x?x31xf32>, tensor<?x?x64xf32>
}

// -----

// A depth that is no multiple of what a tile takes ends with zeros.
// CHECK-LABEL: func.func @odd_depth
// CHECK-SAME: (%[[X:.*]]: tensor<?x15xf32>, %[[W:.*]]: tensor<96x15xf32>)
// CHECK: %[[XZ:.*]] = linalg.fill {{.*}} -> tensor<?x16xf32>
// CHECK: %[[XS:.*]] = tensor.insert_slice %[[X]] into %[[XZ]][0, 0] [%{{.*}}, 15] [1, 1]
// CHECK: %[[WZ:.*]] = linalg.fill {{.*}} -> tensor<96x16xf32>
// CHECK: %[[WS:.*]] = tensor.insert_slice %[[W]] into %[[WZ]][0, 0] [96, 15] [1, 1]
// CHECK: linalg.pack %[[XS]] {{.*}} : tensor<?x16xf32> -> tensor<?x16x8xf32>
// CHECK: linalg.pack %[[WS]] {{.*}} : tensor<96x16xf32> -> tensor<3x16x32xf32>
func.func @odd_depth(%x: tensor<?x15xf32>, %w: tensor<96x15xf32>) -> tensor<?x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x15xf32>, tensor<96x15xf32>) -> tensor<?x96xf32>
  return %0 : tensor<?x96xf32>
}

// -----

// Rows without a batch need no view.
// CHECK-LABEL: func.func @no_batch
// CHECK-SAME: (%[[X:.*]]: tensor<?x48xf32>, %[[W:.*]]: tensor<48x96xf32>, %[[B:.*]]: tensor<96xf32>)
// CHECK: linalg.pack %[[X]] {{.*}} : tensor<?x48xf32> -> tensor<?x48x8xf32>
// CHECK: %[[ROWS:.*]] = linalg.unpack
// CHECK: linalg.generic {{.*}} ins(%[[ROWS]], %[[B]] : tensor<?x96xf32>, tensor<96xf32>)
// CHECK-NOT: tensor.expand_shape
func.func @no_batch(%x: tensor<?x48xf32>, %w: tensor<48x96xf32>, %b: tensor<96xf32>) -> tensor<?x96xf32> {
  %0 = gpt.linear %x, %w bias(%b) {weight_layout = #gpt<weight_layout in_out>} : (tensor<?x48xf32>, tensor<48x96xf32>, tensor<96xf32>) -> tensor<?x96xf32>
  return %0 : tensor<?x96xf32>
}

// -----

// The single rows of a batch are rows of one product.
// CHECK-LABEL: func.func @single_rows
// CHECK: linalg.pack {{.*}} : tensor<?x48xf32> -> tensor<?x48x8xf32>
// CHECK: tensor.expand_shape {{.*}} : tensor<?x96xf32> into tensor<?x1x96xf32>
func.func @single_rows(%x: tensor<?x1x48xf32>, %w: tensor<96x48xf32>) -> tensor<?x1x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x1x48xf32>, tensor<96x48xf32>) -> tensor<?x1x96xf32>
  return %0 : tensor<?x1x96xf32>
}

// -----

// One row reads the panels of a weight that is packed anyway, or once: one that
// is a weight in every call.
// CHECK-LABEL: func.func @one_row
// CHECK-SAME: (%[[X:.*]]: tensor<1x1x48xf32>, %[[W:.*]]: tensor<97x48xf32> {gpt.weight = "w"}
// CHECK: %[[VIEW:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1, 2]] : tensor<1x1x48xf32> into tensor<48xf32>
// CHECK: %[[WP:.*]] = linalg.pack %[[W]] {{.*}} {gpt.class = "weight"} : tensor<97x48xf32> -> tensor<4x48x32xf32>
// CHECK: %[[P:.*]] = linalg.contract {{.*}}{gpt.class = "row_projection"} ins(%[[VIEW]], %[[WP]] : tensor<48xf32>, tensor<4x48x32xf32>) outs(%{{.*}} : tensor<4x32xf32>)
// CHECK: %[[ROW:.*]] = linalg.unpack %[[P]] inner_dims_pos = [0] inner_tiles = [32] into %{{.*}} {gpt.class = "product"} : tensor<4x32xf32> -> tensor<97xf32>
// CHECK: tensor.expand_shape %[[ROW]] {{\[\[}}0, 1, 2]] output_shape [1, 1, 97]
func.func @one_row(%x: tensor<1x1x48xf32>, %w: tensor<97x48xf32> {gpt.weight = "w"}, %v: tensor<97x48xf32> {gpt.weight = "v"}) -> (tensor<1x1x97xf32>, tensor<1x1x97xf32>, tensor<1x1x97xf32>) {
  %0 = gpt.linear %x, %w : (tensor<1x1x48xf32>, tensor<97x48xf32>) -> tensor<1x1x97xf32>
  %1 = call @always(%x, %w) : (tensor<1x1x48xf32>, tensor<97x48xf32>) -> tensor<1x1x97xf32>
  %2 = call @sometimes(%x, %v) : (tensor<1x1x48xf32>, tensor<97x48xf32>) -> tensor<1x1x97xf32>
  return %0, %1, %2 : tensor<1x1x97xf32>, tensor<1x1x97xf32>, tensor<1x1x97xf32>
}
// CHECK-LABEL: func.func private @always
// CHECK: {gpt.class = "row_projection"}
func.func private @always(%x: tensor<1x1x48xf32>, %w: tensor<97x48xf32>) -> tensor<1x1x97xf32> {
  %0 = gpt.linear %x, %w : (tensor<1x1x48xf32>, tensor<97x48xf32>) -> tensor<1x1x97xf32>
  return %0 : tensor<1x1x97xf32>
}
// CHECK-LABEL: func.func private @sometimes
// CHECK-NOT: {gpt.class = "row_projection"}
// CHECK-LABEL: func.func @other
func.func private @sometimes(%x: tensor<1x1x48xf32>, %w: tensor<97x48xf32>) -> tensor<1x1x97xf32> {
  %0 = gpt.linear %x, %w : (tensor<1x1x48xf32>, tensor<97x48xf32>) -> tensor<1x1x97xf32>
  return %0 : tensor<1x1x97xf32>
}
func.func @other(%x: tensor<1x1x48xf32>, %y: tensor<97x48xf32>) -> tensor<1x1x97xf32> {
  %0 = call @sometimes(%x, %y) : (tensor<1x1x48xf32>, tensor<97x48xf32>) -> tensor<1x1x97xf32>
  return %0 : tensor<1x1x97xf32>
}

// -----

// One row of bf16 is pairs as it is; behind the last feature come zeros.
// PAIRS-LABEL: func.func @pair_row
// PAIRS-SAME: (%[[X:.*]]: tensor<1x1x37xbf16>, %[[W:.*]]: tensor<96x37xbf16>
// PAIRS: %[[ROW:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[0] [37] [1] : tensor<37xbf16> into tensor<64xbf16>
// PAIRS: %[[ALL:.*]] = tensor.insert_slice %[[W]] into %{{.*}}[0, 0] [96, 37] [1, 1] : tensor<96x37xbf16> into tensor<96x64xbf16>
// PAIRS: %[[X2:.*]] = tensor.expand_shape %[[ROW]] {{\[\[}}0, 1]] output_shape [32, 2]
// PAIRS: %[[W2:.*]] = linalg.pack %[[ALL]] inner_dims_pos = [0, 1] inner_tiles = [32, 2] into %{{.*}} {gpt.class = "pair_weight"} : tensor<96x64xbf16> -> tensor<3x32x32x2xbf16>
// PAIRS: linalg.contract {{.*}} ins(%[[X2]], %[[W2]] : {{.*}}) outs({{.*}} : tensor<3x32xf32>)
func.func @pair_row(%x: tensor<1x1x37xbf16>, %w: tensor<96x37xbf16> {gpt.weight = "w"}) -> tensor<1x1x96xbf16> {
  %0 = gpt.linear %x, %w : (tensor<1x1x37xbf16>, tensor<96x37xbf16>) -> tensor<1x1x96xbf16>
  return %0 : tensor<1x1x96xbf16>
}

// -----

// bf16 rows are extended to f32; with `pairs`, rows and weight are packed in pairs.
// CHECK-LABEL: func.func @bf16
// PAIRS-LABEL: func.func @bf16
// CHECK: %[[X:.*]] = linalg.generic
// CHECK: arith.extf
// CHECK: linalg.pack {{.*}}{gpt.class = "rows"} : tensor<?x64xf32> -> tensor<?x64x8xf32>
// CHECK: linalg.pack {{.*}}{gpt.class = "weight"} : tensor<64x96xbf16> -> tensor<3x64x32xbf16>
// PAIRS-NOT: arith.extf
// PAIRS: linalg.pack {{.*}} inner_dims_pos = [0, 1] inner_tiles = [8, 2] {{.*}}{gpt.class = "pair_rows"} : tensor<?x64xbf16> -> tensor<?x32x8x2xbf16>
// PAIRS: linalg.pack {{.*}} outer_dims_perm = [1, 0] inner_dims_pos = [1, 0] inner_tiles = [32, 2] {{.*}}{gpt.class = "pair_weight"} : tensor<64x96xbf16> -> tensor<3x32x32x2xbf16>
// PAIRS: linalg.contract {{.*}} outs({{.*}} : tensor<?x3x8x32xf32>)
func.func @bf16(%x: tensor<?x?x64xbf16>, %w: tensor<64x96xbf16>) -> tensor<?x?x96xbf16> {
  %0 = gpt.linear %x, %w {weight_layout = #gpt<weight_layout in_out>} : (tensor<?x?x64xbf16>, tensor<64x96xbf16>) -> tensor<?x?x96xbf16>
  return %0 : tensor<?x?x96xbf16>
}

// -----

// What a product is added to is a bias only if all rows have the same.
#bias = affine_map<(i, j) -> (j)>
#same = affine_map<(i, j) -> (i, j)>
#transposed = affine_map<(i, j) -> (j, i)>
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
// CHECK-LABEL: func.func @index_in_bias
// CHECK: %[[INIT:.*]] = linalg.generic
// CHECK: linalg.index 0
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[INIT]] : tensor<128x128xf32>, tensor<128x128xf32>)
func.func @index_in_bias(%x: tensor<128x64xf32>, %w: tensor<128x64xf32>, %b: tensor<128xbf16>, %to: tensor<128x128xf32>) -> tensor<128x128xf32> {
  %0 = linalg.generic {indexing_maps = [#bias, #same], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<128xbf16>) outs(%to : tensor<128x128xf32>) {
  ^bb0(%in: bf16, %out: f32):
    %row = linalg.index 0 : index
    %integer = arith.index_cast %row : index to i32
    %float = arith.sitofp %integer : i32 to f32
    %wide = arith.extf %in : bf16 to f32
    %sum = arith.addf %wide, %float : f32
    linalg.yield %sum : f32
  } -> tensor<128x128xf32>
  %1 = linalg.contract indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<128x64xf32>, tensor<128x64xf32>) outs(%0 : tensor<128x128xf32>) -> tensor<128x128xf32>
  return %1 : tensor<128x128xf32>
}
// CHECK-LABEL: func.func @transposed_bias
// CHECK: %[[INIT:.*]] = linalg.generic
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[INIT]] : tensor<128x128xf32>, tensor<128x128xf32>)
func.func @transposed_bias(%x: tensor<128x64xf32>, %w: tensor<128x64xf32>, %b: tensor<128xbf16>, %to: tensor<128x128xf32>) -> tensor<128x128xf32> {
  %0 = linalg.generic {indexing_maps = [#bias, #transposed], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<128xbf16>) outs(%to : tensor<128x128xf32>) {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    linalg.yield %wide : f32
  } -> tensor<128x128xf32>
  %1 = linalg.contract indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<128x64xf32>, tensor<128x64xf32>) outs(%0 : tensor<128x128xf32>) -> tensor<128x128xf32>
  return %1 : tensor<128x128xf32>
}
// CHECK-LABEL: func.func @unsigned
// CHECK-NOT: linalg.pack
// CHECK: linalg.contract {{.*}}cast_unsigned
func.func @unsigned(%x: tensor<8x64xf32>, %w: tensor<128x64xi8>, %to: tensor<8x128xf32>) -> tensor<8x128xf32> {
  %0 = linalg.contract indexing_maps = [#x, #w, #y] {cast = #linalg.type_fn<cast_unsigned>} ins(%x, %w : tensor<8x64xf32>, tensor<128x64xi8>) outs(%to : tensor<8x128xf32>) -> tensor<8x128xf32>
  return %0 : tensor<8x128xf32>
}
// CHECK-LABEL: func.func @no_rows
// CHECK-NOT: linalg.pack
// CHECK: linalg.contract
func.func @no_rows(%x: tensor<0x64xf32>, %w: tensor<128x64xf32>, %to: tensor<0x128xf32>) -> tensor<0x128xf32> {
  %0 = linalg.contract indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<0x64xf32>, tensor<128x64xf32>) outs(%to : tensor<0x128xf32>) -> tensor<0x128xf32>
  return %0 : tensor<0x128xf32>
}
// Input and init may know different extents.
// EXTENTS-LABEL: func.func @extents
// EXTENTS: %[[SUM:.*]] = linalg.generic
// EXTENTS: tensor.cast %[[SUM]] : tensor<?x128xf32> to tensor<4x128xf32>
func.func @extents(%x: tensor<?x64xf32>, %w: tensor<128x64xf32>, %init: tensor<4x128xf32>) -> tensor<4x128xf32> {
  %0 = linalg.contract indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<?x64xf32>, tensor<128x64xf32>) outs(%init : tensor<4x128xf32>) -> tensor<4x128xf32>
  return %0 : tensor<4x128xf32>
}
