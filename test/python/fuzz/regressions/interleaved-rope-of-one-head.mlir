// fuzz: {"arguments": {"x0": {"shape": [1, 1, 64], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "x2": {"shape": [1, 1, 32], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "x4": {"shape": [8, 64], "kind": "normal", "scale": 0.125, "low": 0, "high": 1}, "x5": {"shape": [8], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "w1": {"shape": [1, 1, 32], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "w3": {"shape": [1, 2, 1, 1], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}}, "seed": 4, "generation": null}
module {
  func.func @forward(%arg0: tensor<?x1x64xf32> {gpt.dims = ["n1", "", ""], gpt.name = "x0"}, %arg1: tensor<1x1x32xf32> {gpt.weight = "w1"}, %arg2: tensor<1x1x32xf32> {gpt.name = "x2"}, %arg3: tensor<1x2x1x1xf32> {gpt.weight = "w3"}, %arg4: tensor<8x64xf32> {gpt.name = "x4"}, %arg5: tensor<?xf32> {gpt.dims = ["n8"], gpt.name = "x5"}) -> (tensor<?x1x64xf32> {gpt.dims = ["n1", "", ""], gpt.name = "y0"}, tensor<?x1x8xf32> {gpt.dims = ["n1", "", ""], gpt.name = "y1"}) {
    %0 = gpt.attention %arg0, %arg1, %arg2 mask(%arg3) {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<?x1x64xf32>, tensor<1x1x32xf32>, tensor<1x1x32xf32>, tensor<1x2x1x1xf32>) -> tensor<?x1x64xf32>
    %1 = gpt.transpose %0 {permutation = array<i64: 0, 1, 2>} : (tensor<?x1x64xf32>) -> tensor<?x1x64xf32>
    %2 = gpt.linear %1, %arg4 bias(%arg5) : (tensor<?x1x64xf32>, tensor<8x64xf32>, tensor<?xf32>) -> tensor<?x1x8xf32>
    %3 = gpt.rope %1 {num_heads = 1 : i64, original_context_length = 64 : i64, rotary_dims = 64 : i64, scaling_factor = 2.000000e+00 : f64, style = #gpt<rope_style interleaved>, theta = 5.000000e+05 : f64} : (tensor<?x1x64xf32>) -> tensor<?x1x64xf32>
    return %3, %2 : tensor<?x1x64xf32>, tensor<?x1x8xf32>
  }
}
