// RUN: gpt-opt %s -split-input-file -verify-diagnostics -gpt-verify-limits="max-ops=12 max-arguments=3 max-rank=4 max-rotary-dims=64 max-call-depth=2"

// At every limit.
func.func @at_the_limits(%x: tensor<?x2x8x64xf32>, %y: tensor<4x8x64xf32>, %z: tensor<0x9223372036854775807xf32>) -> tensor<4x8x64xf32> {
  %0 = call @one(%x) : (tensor<?x2x8x64xf32>) -> tensor<?x2x8x64xf32>
  %1 = gpt.rope %y {num_heads = 1 : i64} : (tensor<4x8x64xf32>) -> tensor<4x8x64xf32>
  return %1 : tensor<4x8x64xf32>
}
func.func private @one(%x: tensor<?x2x8x64xf32>) -> tensor<?x2x8x64xf32> {
  %0 = call @two(%x) : (tensor<?x2x8x64xf32>) -> tensor<?x2x8x64xf32>
  return %0 : tensor<?x2x8x64xf32>
}
func.func private @two(%x: tensor<?x2x8x64xf32>) -> tensor<?x2x8x64xf32> {
  return %x : tensor<?x2x8x64xf32>
}

// -----

// expected-error @below {{'builtin.module' op expected at most 12 ops, got 13}}
module {
  func.func @ops(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = gpt.silu %x : (tensor<4xf32>) -> tensor<4xf32>
    %1 = gpt.silu %0 : (tensor<4xf32>) -> tensor<4xf32>
    %2 = gpt.silu %1 : (tensor<4xf32>) -> tensor<4xf32>
    %3 = gpt.silu %2 : (tensor<4xf32>) -> tensor<4xf32>
    %4 = gpt.silu %3 : (tensor<4xf32>) -> tensor<4xf32>
    %5 = gpt.silu %4 : (tensor<4xf32>) -> tensor<4xf32>
    %6 = gpt.silu %5 : (tensor<4xf32>) -> tensor<4xf32>
    %7 = gpt.silu %6 : (tensor<4xf32>) -> tensor<4xf32>
    %8 = gpt.silu %7 : (tensor<4xf32>) -> tensor<4xf32>
    %9 = gpt.silu %8 : (tensor<4xf32>) -> tensor<4xf32>
    return %9 : tensor<4xf32>
  }
}

// -----

// expected-error @below {{'func.func' op expected at most 3 arguments, got 4}}
func.func @arguments(%a: tensor<1xf32>, %b: tensor<1xf32>, %c: tensor<1xf32>, %d: tensor<1xf32>) {
  return
}

// -----

// expected-error @below {{'func.func' op expected tensors of at most 4 dimensions, got 5}}
func.func @rank(%x: tensor<1x1x1x1x1xf32>) {
  return
}

// -----

// expected-error @below {{'func.func' op expected tensors of at most 2^47 bytes, got 'tensor<4294967296x4294967296xf32>'}}
func.func @product_that_wraps(%x: tensor<4294967296x4294967296xf32>) {
  return
}

// -----

func.func @result(%x: tensor<?xi64>, %w: tensor<1x9223372036854775807xf32>) {
  // expected-error @above {{'func.func' op expected tensors of at most 2^47 bytes, got 'tensor<1x9223372036854775807xf32>'}}
  return
}

// -----

func.func @op() -> tensor<70368744177664x?xbf16> {
  %c1 = arith.constant 1 : index
  // 2^46 bf16 are at the limit, of one more byte beyond it.
  %0 = tensor.empty(%c1) : tensor<70368744177664x?xbf16>
  // expected-error @below {{'tensor.empty' op expected tensors of at most 2^47 bytes, got 'tensor<70368744177665x?xbf16>'}}
  %1 = tensor.empty(%c1) : tensor<70368744177665x?xbf16>
  return %0 : tensor<70368744177664x?xbf16>
}

// -----

func.func @rope(%x: tensor<1x8x66xf32>) -> tensor<1x8x66xf32> {
  // expected-error @below {{'gpt.rope' op expected at most 64 rotary dimensions, got 66}}
  %0 = gpt.rope %x {num_heads = 1 : i64} : (tensor<1x8x66xf32>) -> tensor<1x8x66xf32>
  return %0 : tensor<1x8x66xf32>
}

// -----

// expected-error @below {{'func.func' op calls itself}}
func.func private @itself(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = call @itself(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

module {
  // expected-error @below {{'func.func' op calls itself}}
  func.func private @there(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = call @back(%x) : (tensor<4xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
  // expected-note @below {{through 'back'}}
  func.func private @back(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = call @there(%x) : (tensor<4xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}

// -----

func.func private @d0() {
  return
}
func.func private @d1() {
  call @d0() : () -> ()
  return
}
func.func private @d2() {
  call @d1() : () -> ()
  return
}
// expected-error @below {{'func.func' op expected calls at most 2 deep}}
func.func private @d3() {
  call @d2() : () -> ()
  return
}
