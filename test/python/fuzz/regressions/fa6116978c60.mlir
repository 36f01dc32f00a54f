// fuzz: {"arguments": {"x0": {"shape": [3, 8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l0.w1": {"shape": [3], "kind": "mask", "scale": 1.0, "low": 0, "high": 1}, "l1.w1": {"shape": [3], "kind": "mask", "scale": 1.0, "low": 0, "high": 1}}, "seed": 1, "generation": null}
#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d0)>
module {
  func.func @forward(%arg0: tensor<?x8xf32> {gpt.dims = ["n3", ""], gpt.name = "x0"}, %arg1: tensor<3xf32> {gpt.weight = "l0.w1"}, %arg2: tensor<3xf32> {gpt.weight = "l1.w1"}) -> (tensor<?xf32> {gpt.dims = ["n3"], gpt.name = "y0"}, tensor<?x2xf32> {gpt.dims = ["n3", ""], gpt.name = "y1"}, tensor<?xf32> {gpt.dims = ["n3"], gpt.name = "y2"}) {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x8xf32>
    %0 = gpt.causal_mask(%dim) {window = 5 : i64} : tensor<?x8xf32>
    %1 = gpt.masked_softmax %arg0, %0 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    %2 = call @function(%arg0) : (tensor<?x8xf32>) -> tensor<?x2xf32>
    %3 = call @function_1(%arg0, %arg1) : (tensor<?x8xf32>, tensor<3xf32>) -> tensor<?xf32>
    %4 = call @function_1(%1, %arg2) : (tensor<?x8xf32>, tensor<3xf32>) -> tensor<?xf32>
    return %4, %2, %3 : tensor<?xf32>, tensor<?x2xf32>, tensor<?xf32>
  }
  func.func private @function(%arg0: tensor<?x8xf32>) -> tensor<?x2xf32> {
    %0:4 = gpt.split %arg0 {num_parts = 4 : i64} : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>)
    return %0#3 : tensor<?x2xf32>
  }
  func.func private @function_1(%arg0: tensor<?x8xf32>, %arg1: tensor<3xf32> {gpt.weight = "w1"}) -> tensor<?xf32> {
    %cst = arith.constant 0.000000e+00 : f32
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x8xf32>
    %0 = tensor.empty(%dim) : tensor<?xf32>
    %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<?xf32>) -> tensor<?xf32>
    %2 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "reduction"]} ins(%arg0 : tensor<?x8xf32>) outs(%1 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %5 = arith.addf %out, %in : f32
      linalg.yield %5 : f32
    } -> tensor<?xf32>
    %3 = gpt.scale %2 {factor = 1.000000e-01 : f64} : (tensor<?xf32>) -> tensor<?xf32>
    %4 = gpt.masked_softmax %3, %arg1 : (tensor<?xf32>, tensor<3xf32>) -> tensor<?xf32>
    return %4 : tensor<?xf32>
  }
}
