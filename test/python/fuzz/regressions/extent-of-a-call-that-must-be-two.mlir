// fuzz: {"arguments": {"x0": {"shape": [2, 1, 8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l0.w1": {"shape": [2, 1], "kind": "uniform", "scale": 1.0, "low": 0, "high": 1}, "w2": {"shape": [2, 1, 8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}}, "seed": 0, "generation": null}
module {
  func.func @forward(%arg0: tensor<?x1x?xf32> {gpt.dims = ["n2", "", "n8"], gpt.name = "x0"}, %arg1: tensor<2x1xf32> {gpt.weight = "l0.w1"}, %arg2: tensor<2x1x8xf32> {gpt.weight = "w2"}) -> (tensor<2x1x8xf32> {gpt.name = "y0"}) {
    %0 = gpt.silu %arg0 : (tensor<?x1x?xf32>) -> tensor<?x1x?xf32>
    %1 = call @function(%0, %arg1) : (tensor<?x1x?xf32>, tensor<2x1xf32>) -> tensor<?x1x?xf32>
    %2 = gpt.add %arg2, %1 : (tensor<2x1x8xf32>, tensor<?x1x?xf32>) -> tensor<2x1x8xf32>
    return %2 : tensor<2x1x8xf32>
  }
  func.func private @function(%arg0: tensor<?x1x?xf32>, %arg1: tensor<2x1xf32> {gpt.weight = "w1"}) -> tensor<?x1x?xf32> {
    %0 = gpt.sample %arg0, %arg1 : (tensor<?x1x?xf32>, tensor<2x1xf32>) -> tensor<?x1xi64>
    return %arg0 : tensor<?x1x?xf32>
  }
}
