// fuzz: {"arguments": {"x0": {"shape": [1, 1, 8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "x1": {"shape": [8, 8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "x2": {"shape": [8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}}, "seed": 0, "generation": null}
func.func @forward(%arg0: tensor<1x1x8xf32> {gpt.name = "x0"}, %arg1: tensor<8x8xf32> {gpt.name = "x1"}, %arg2: tensor<?xf32> {gpt.dims = ["n8"], gpt.name = "x2"}) -> (tensor<1x1x8xf32> {gpt.name = "y0"}) {
  %0 = gpt.linear %arg0, %arg1 bias(%arg2) : (tensor<1x1x8xf32>, tensor<8x8xf32>, tensor<?xf32>) -> tensor<1x1x8xf32>
  return %0 : tensor<1x1x8xf32>
}
