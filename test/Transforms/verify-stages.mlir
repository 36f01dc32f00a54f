// RUN: split-file %s %t
// RUN: gpt-opt %t/linalg.mlir -split-input-file -gpt-verify-linalg-stage -verify-diagnostics
// RUN: gpt-opt %t/loops.mlir -split-input-file -gpt-verify-loops-stage -verify-diagnostics
// RUN: gpt-opt %t/llvm.mlir -split-input-file -gpt-verify-llvm-stage -verify-diagnostics

//--- linalg.mlir

func.func @good(%x: tensor<4xf32>, %c: i1) -> tensor<4xf32> {
  cf.assert %c, "what calls must see to"
  %0 = linalg.add ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @gpt_op(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'gpt.silu' op is not allowed in the linalg stage}}
  %0 = gpt.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Bodies become vectors.

func.func @assertion_in_loop(%x: tensor<4xi1>) -> tensor<4xi1> {
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      outs(%x : tensor<4xi1>) {
  ^bb0(%c: i1):
    // expected-error @+1 {{'cf.assert' op is not allowed in the linalg stage}}
    cf.assert %c, "no"
    linalg.yield %c : i1
  } -> tensor<4xi1>
  return %0 : tensor<4xi1>
}

// -----

// expected-error @+1 {{'func.func' op uses 'memref<4xf32>', which is not allowed in the linalg stage}}
func.func private @memref(memref<4xf32>)

//--- loops.mlir

func.func @good(%x: memref<4xf32>, %i: index) -> f32 {
  %0 = memref.load %x[%i] : memref<4xf32>
  return %0 : f32
}

// -----

func.func @linalg_op(%x: memref<4xf32>, %v: f32) {
  // expected-error @+1 {{'linalg.fill' op is not allowed in the loops stage}}
  linalg.fill ins(%v : f32) outs(%x : memref<4xf32>)
  return
}

// -----

// expected-error @+1 {{'func.func' op uses 'tensor<4xf32>', which is not allowed in the loops stage}}
func.func private @tensor(tensor<4xf32>)

// -----

func.func @constant() {
  // expected-error @+1 {{'arith.constant' op uses 'tensor<4xf32>', which is not allowed in the loops stage}}
  %0 = arith.constant dense<0.0> : tensor<4xf32>
  return
}

//--- llvm.mlir

llvm.func @expf(f32) -> f32
llvm.func @sin(f64) -> f64
llvm.func @free(!llvm.ptr)

// -----

// expected-error @+1 {{'llvm.func' op is a function that neither libc nor libm has}}
llvm.func @memrefCopy(i64, !llvm.ptr, !llvm.ptr)

// -----

llvm.func @cast(%x: i64) -> i64 {
  // expected-error @+1 {{'builtin.unrealized_conversion_cast' op is not allowed in the llvm stage}}
  %0 = builtin.unrealized_conversion_cast %x : i64 to index
  // expected-error @+1 {{'builtin.unrealized_conversion_cast' op is not allowed in the llvm stage}}
  %1 = builtin.unrealized_conversion_cast %0 : index to i64
  llvm.return %1 : i64
}
