// fuzz: {"arguments": {"x0": {"shape": [0, 17, 24], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "w": {"shape": [24, 33], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}}, "seed": 0, "generation": null}
module {
  func.func @forward(%arg0: tensor<0x?x24xf32> {gpt.name = "x0"}, %arg1: tensor<24x33xf32> {gpt.weight = "w"}) -> (tensor<0x?x33xf32> {gpt.name = "y"}) {
    %0 = gpt.linear %arg0, %arg1 {weight_layout = #gpt<weight_layout in_out>} : (tensor<0x?x24xf32>, tensor<24x33xf32>) -> tensor<0x?x33xf32>
    return %0 : tensor<0x?x33xf32>
  }
}
