// fuzz: {"arguments": {"x0": {"shape": [2, 2, 1, 8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l0.w1": {"shape": [2, 2, 1, 8], "kind": "mask", "scale": 1.0, "low": 0, "high": 1}}, "seed": 0, "generation": null}
module {
  func.func @forward(%arg0: tensor<2x?x1x8xf32> {gpt.name = "x0"}, %arg1: tensor<2x2x1x8xf32> {gpt.weight = "l0.w1"}) -> (tensor<2x?x1x8xf32> {gpt.name = "y0"}) {
    %0 = gpt.silu %arg0 : (tensor<2x?x1x8xf32>) -> tensor<2x?x1x8xf32>
    %1 = call @function(%0, %arg1) : (tensor<2x?x1x8xf32>, tensor<2x2x1x8xf32>) -> tensor<2x?x1x8xf32>
    return %1 : tensor<2x?x1x8xf32>
  }
  func.func private @function(%arg0: tensor<2x?x1x8xf32>, %arg1: tensor<2x2x1x8xf32> {gpt.weight = "w1"}) -> tensor<2x?x1x8xf32> {
    %0 = gpt.masked_softmax %arg0, %arg1 : (tensor<2x?x1x8xf32>, tensor<2x2x1x8xf32>) -> tensor<2x?x1x8xf32>
    %1 = gpt.silu %0 : (tensor<2x?x1x8xf32>) -> tensor<2x?x1x8xf32>
    %2 = gpt.split %1 {num_groups = 2 : i64, num_parts = 1 : i64} : (tensor<2x?x1x8xf32>) -> tensor<2x?x1x8xf32>
    return %2 : tensor<2x?x1x8xf32>
  }
}
