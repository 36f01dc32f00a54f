// fuzz: {"arguments": {"x0": {"shape": [33, 33], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l0.w1": {"shape": [1, 33], "kind": "normal", "scale": 0.17407765595569785, "low": 0, "high": 1}, "l0.w2": {"shape": [1], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l1.w1": {"shape": [1, 33], "kind": "normal", "scale": 0.17407765595569785, "low": 0, "high": 1}, "l1.w2": {"shape": [1], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "w3": {"shape": [33], "kind": "integer", "scale": 1.0, "low": 0, "high": 60}, "l0.w4": {"shape": [1], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l1.w4": {"shape": [1], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l2.w4": {"shape": [1], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}}, "seed": 40, "generation": null}
#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d1)>
module {
  func.func @forward(%arg0: tensor<33x33xf16> {gpt.name = "x0"}, %arg1: tensor<1x33xf16> {gpt.weight = "l0.w1"}, %arg2: tensor<1xf16> {gpt.weight = "l0.w2"}, %arg3: tensor<1x33xf16> {gpt.weight = "l1.w1"}, %arg4: tensor<1xf16> {gpt.weight = "l1.w2"}, %arg5: tensor<33xi64> {gpt.weight = "w3"}, %arg6: tensor<1xf16> {gpt.weight = "l0.w4"}, %arg7: tensor<1xf16> {gpt.weight = "l1.w4"}, %arg8: tensor<1xf16> {gpt.weight = "l2.w4"}) -> (tensor<1xf32> {gpt.name = "y0"}, tensor<1xf32> {gpt.name = "y1"}, tensor<1xf32> {gpt.name = "y2"}, tensor<33x1xi64> {gpt.name = "y3"}) {
    %0 = call @function(%arg0, %arg1, %arg2) : (tensor<33x33xf16>, tensor<1x33xf16>, tensor<1xf16>) -> tensor<33x1xf16>
    %1 = call @function(%arg0, %arg3, %arg4) : (tensor<33x33xf16>, tensor<1x33xf16>, tensor<1xf16>) -> tensor<33x1xf16>
    %2 = gpt.silu %1 : (tensor<33x1xf16>) -> tensor<33x1xf16>
    %3 = gpt.position_ids %2 positions(%arg5) : (tensor<33x1xf16>, tensor<33xi64>) -> tensor<33x1xi64>
    %4 = gpt.last_token %3 : (tensor<33x1xi64>) -> tensor<33x1xi64>
    %5 = call @function_1(%2, %arg6) : (tensor<33x1xf16>, tensor<1xf16>) -> tensor<1xf32>
    %6 = call @function_1(%0, %arg7) : (tensor<33x1xf16>, tensor<1xf16>) -> tensor<1xf32>
    %7 = call @function_1(%0, %arg8) : (tensor<33x1xf16>, tensor<1xf16>) -> tensor<1xf32>
    return %7, %5, %6, %4 : tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<33x1xi64>
  }
  func.func private @function(%arg0: tensor<33x33xf16>, %arg1: tensor<1x33xf16> {gpt.weight = "w1"}, %arg2: tensor<1xf16> {gpt.weight = "w2"}) -> tensor<33x1xf16> {
    %0 = gpt.causal_mask() : tensor<33x33xf16>
    %1 = gpt.masked_softmax %arg0, %0 : (tensor<33x33xf16>, tensor<33x33xf16>) -> tensor<33x33xf16>
    %2 = gpt.linear %arg0, %arg1 bias(%arg2) : (tensor<33x33xf16>, tensor<1x33xf16>, tensor<1xf16>) -> tensor<33x1xf16>
    return %2 : tensor<33x1xf16>
  }
  func.func private @function_1(%arg0: tensor<33x1xf16>, %arg1: tensor<1xf16> {gpt.weight = "w4"}) -> tensor<1xf32> {
    %0 = gpt.layer_norm %arg0, %arg1 {epsilon = 1.000000e-05 : f64} : (tensor<33x1xf16>, tensor<1xf16>) -> tensor<33x1xf16>
    %cst = arith.constant 0.000000e+00 : f32
    %1 = tensor.empty() : tensor<1xf32>
    %2 = linalg.fill ins(%cst : f32) outs(%1 : tensor<1xf32>) -> tensor<1xf32>
    %3 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["reduction", "parallel"]} ins(%arg0 : tensor<33x1xf16>) outs(%2 : tensor<1xf32>) {
    ^bb0(%in: f16, %out: f32):
      %4 = arith.extf %in : f16 to f32
      %5 = arith.maximumf %out, %4 : f32
      linalg.yield %5 : f32
    } -> tensor<1xf32>
    return %3 : tensor<1xf32>
  }
}
