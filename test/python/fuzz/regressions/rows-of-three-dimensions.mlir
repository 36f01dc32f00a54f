// fuzz: {"arguments": {"x0": {"shape": [1, 1, 1, 16], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "x1": {"shape": [16, 16], "kind": "normal", "scale": 0.25, "low": 0, "high": 1}}, "seed": 0, "generation": null}
module {
  func.func @forward(%arg0: tensor<1x1x?x16xf32> {gpt.dims = ["", "", "n1", ""], gpt.name = "x0"}, %arg1: tensor<16x16xf32> {gpt.name = "x1"}) -> (tensor<1x1x?x16xf32> {gpt.dims = ["", "", "n1", ""], gpt.name = "y0"}) {
    %0 = gpt.linear %arg0, %arg1 : (tensor<1x1x?x16xf32>, tensor<16x16xf32>) -> tensor<1x1x?x16xf32>
    return %0 : tensor<1x1x?x16xf32>
  }
}
