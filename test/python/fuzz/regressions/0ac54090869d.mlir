// fuzz: {"arguments": {"x0": {"shape": [1, 0, 8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "x1": {"shape": [16, 8], "kind": "normal", "scale": 0.35, "low": 0, "high": 1}}, "seed": 0, "generation": null}
module {
  func.func @forward(%arg0: tensor<1x0x8xf32> {gpt.name = "x0"}, %arg1: tensor<16x8xf32> {gpt.name = "x1"}) -> (tensor<1x0x16xf32> {gpt.name = "y0"}) {
    %0 = gpt.silu %arg0 : (tensor<1x0x8xf32>) -> tensor<1x0x8xf32>
    %1 = gpt.linear %0, %arg1 : (tensor<1x0x8xf32>, tensor<16x8xf32>) -> tensor<1x0x16xf32>
    return %1 : tensor<1x0x16xf32>
  }
}
