// fuzz: {"arguments": {"x0": {"shape": [1, 2, 1, 8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l0.w1": {"shape": [8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}}, "seed": 0, "generation": null}
#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d3)>
module {
  func.func @forward(%arg0: tensor<1x2x1x?xf32> {gpt.dims = ["", "", "", "n8"], gpt.name = "x0"}, %arg1: tensor<8xf32> {gpt.weight = "l0.w1"}) -> (tensor<1x1x1x?xf32> {gpt.dims = ["", "", "", "n8"], gpt.name = "y0"}) {
    %0 = call @function(%arg0, %arg1) : (tensor<1x2x1x?xf32>, tensor<8xf32>) -> tensor<1x1x1x?xf32>
    return %0 : tensor<1x1x1x?xf32>
  }
  func.func private @function(%arg0: tensor<1x2x1x?xf32>, %arg1: tensor<8xf32> {gpt.weight = "w1"}) -> tensor<1x1x1x?xf32> {
    %c3 = arith.constant 3 : index
    %dim = tensor.dim %arg0, %c3 : tensor<1x2x1x?xf32>
    %0 = tensor.empty(%dim) : tensor<1x2x1x?xf32>
    %1 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%arg0, %arg1 : tensor<1x2x1x?xf32>, tensor<8xf32>) outs(%0 : tensor<1x2x1x?xf32>) {
    ^bb0(%in: f32, %in_0: f32, %out: f32):
      %4 = arith.addf %in, %in_0 : f32
      linalg.yield %4 : f32
    } -> tensor<1x2x1x?xf32>
    %2 = gpt.scale %1 {factor = 0.083333333333333329 : f64} : (tensor<1x2x1x?xf32>) -> tensor<1x2x1x?xf32>
    %3 = gpt.last_token %2 : (tensor<1x2x1x?xf32>) -> tensor<1x1x1x?xf32>
    return %3 : tensor<1x1x1x?xf32>
  }
}
