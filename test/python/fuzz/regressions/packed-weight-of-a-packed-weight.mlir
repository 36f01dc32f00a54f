// fuzz: {"arguments": {"w0": {"shape": [3, 8, 6], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "w1": {"shape": [6, 65], "kind": "normal", "scale": 0.408248290463863, "low": 0, "high": 1}, "l0.w2": {"shape": [65], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "w3": {"shape": [1, 8, 65], "kind": "mask", "scale": 1.0, "low": 0, "high": 1}, "l0.w4": {"shape": [3, 9, 13], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l0.w5": {"shape": [3, 9, 39], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l0.w6": {"shape": [24, 65], "kind": "normal", "scale": 0.12403473458920845, "low": 0, "high": 1}, "l1.w4": {"shape": [3, 9, 13], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l1.w5": {"shape": [3, 9, 39], "kind": "normal", "scale": 1.0, "low": 0, "high": 1}, "l1.w6": {"shape": [24, 65], "kind": "normal", "scale": 0.12403473458920845, "low": 0, "high": 1}}, "seed": 141, "generation": null}
module {
  func.func @forward(%arg0: tensor<3x8x6xf32> {gpt.weight = "w0"}, %arg1: tensor<6x65xf16> {gpt.weight = "w1"}, %arg2: tensor<65xf32> {gpt.weight = "l0.w2"}, %arg3: tensor<1x8x65xf32> {gpt.weight = "w3"}, %arg4: tensor<3x9x13xf32> {gpt.weight = "l0.w4"}, %arg5: tensor<3x9x39xf32> {gpt.weight = "l0.w5"}, %arg6: tensor<24x65xbf16> {gpt.weight = "l0.w6"}, %arg7: tensor<3x9x13xf32> {gpt.weight = "l1.w4"}, %arg8: tensor<3x9x39xf32> {gpt.weight = "l1.w5"}, %arg9: tensor<24x65xbf16> {gpt.weight = "l1.w6"}) -> (tensor<3x8x8xf32> {gpt.name = "y0"}, tensor<3x8x24xf32> {gpt.name = "y1"}, tensor<3x8x24xf32> {gpt.name = "y2"}) {
    %0 = gpt.linear %arg0, %arg1 {weight_layout = #gpt<weight_layout in_out>} : (tensor<3x8x6xf32>, tensor<6x65xf16>) -> tensor<3x8x65xf32>
    %1 = call @function(%0, %arg2) : (tensor<3x8x65xf32>, tensor<65xf32>) -> tensor<3x8x65xf32>
    %2 = gpt.masked_softmax %0, %arg3 : (tensor<3x8x65xf32>, tensor<1x8x65xf32>) -> tensor<3x8x65xf32>
    %3 = call @function_1(%2, %arg4, %arg5, %arg6) : (tensor<3x8x65xf32>, tensor<3x9x13xf32>, tensor<3x9x39xf32>, tensor<24x65xbf16>) -> tensor<3x8x24xf32>
    %4 = call @function_1(%1, %arg7, %arg8, %arg9) : (tensor<3x8x65xf32>, tensor<3x9x13xf32>, tensor<3x9x39xf32>, tensor<24x65xbf16>) -> tensor<3x8x24xf32>
    %5 = gpt.transpose %2 {permutation = array<i64: 0, 2, 1>} : (tensor<3x8x65xf32>) -> tensor<3x65x8xf32>
    %6 = gpt.matmul %2, %5 : (tensor<3x8x65xf32>, tensor<3x65x8xf32>) -> tensor<3x8x8xf32>
    %7 = gpt.scale %6 {factor = 0.12403473458920847 : f64} : (tensor<3x8x8xf32>) -> tensor<3x8x8xf32>
    return %7, %3, %4 : tensor<3x8x8xf32>, tensor<3x8x24xf32>, tensor<3x8x24xf32>
  }
  func.func private @function(%arg0: tensor<3x8x65xf32>, %arg1: tensor<65xf32> {gpt.weight = "w2"}) -> tensor<3x8x65xf32> {
    %0 = gpt.mul %arg0, %arg1 : (tensor<3x8x65xf32>, tensor<65xf32>) -> tensor<3x8x65xf32>
    return %0 : tensor<3x8x65xf32>
  }
  func.func private @function_1(%arg0: tensor<3x8x65xf32>, %arg1: tensor<3x9x13xf32> {gpt.weight = "w4"}, %arg2: tensor<3x9x39xf32> {gpt.weight = "w5"}, %arg3: tensor<24x65xbf16> {gpt.weight = "w6"}) -> tensor<3x8x24xf32> {
    %0 = gpt.attention %arg0, %arg1, %arg2 {causal, num_heads = 65 : i64, num_kv_heads = 13 : i64, scale = 5.000000e-01 : f64, window = 8 : i64} : (tensor<3x8x65xf32>, tensor<3x9x13xf32>, tensor<3x9x39xf32>) -> tensor<3x8x195xf32>
    %1 = gpt.split %arg0 {num_groups = 65 : i64, num_parts = 1 : i64} : (tensor<3x8x65xf32>) -> tensor<3x8x65xf32>
    %2 = gpt.linear %1, %arg3 : (tensor<3x8x65xf32>, tensor<24x65xbf16>) -> tensor<3x8x24xf32>
    return %2 : tensor<3x8x24xf32>
  }
}
