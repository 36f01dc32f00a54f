// fuzz: {"arguments": {"x1": {"shape": [2], "kind": "integer", "scale": 1.0, "low": 0, "high": 8}, "w0": {"shape": [2, 1, 1, 8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}}, "seed": 0, "generation": null}
module {
  func.func @forward(%arg0: tensor<2x1x1x8xf32> {gpt.weight = "w0"}, %arg1: tensor<?xi64> {gpt.dims = ["n2"], gpt.name = "x1"}) -> (tensor<2x1x1x8xf32> {gpt.name = "y0"}) {
    %0 = gpt.silu %arg0 : (tensor<2x1x1x8xf32>) -> tensor<2x1x1x8xf32>
    %1 = gpt.silu %0 : (tensor<2x1x1x8xf32>) -> tensor<2x1x1x8xf32>
    %2 = gpt.silu %1 : (tensor<2x1x1x8xf32>) -> tensor<2x1x1x8xf32>
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg1, %c0 : tensor<?xi64>
    %3 = gpt.causal_mask(%dim) positions(%arg1 : tensor<?xi64>) : tensor<?x1x1x8xf32>
    %4 = gpt.masked_softmax %2, %3 : (tensor<2x1x1x8xf32>, tensor<?x1x1x8xf32>) -> tensor<2x1x1x8xf32>
    return %4 : tensor<2x1x1x8xf32>
  }
}
