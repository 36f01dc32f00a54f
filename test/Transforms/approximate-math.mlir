// Functions become arithmetic on scalars and on vectors of any shape. What the
// arithmetic computes is tested by numbers (test_math_accuracy.py); this test
// shows its form: no branches, no calls, products and sums that may be fused.

// RUN: gpt-opt %s -gpt-approximate-math | FileCheck %s
// RUN: gpt-opt %s -gpt-approximate-math="functions=tanh,erf" | FileCheck %s --check-prefix=SOME
// RUN: not gpt-opt %s -gpt-approximate-math="functions=exp,log" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: gpt-opt %s -gpt-approximate-math="contract=false" | FileCheck %s --check-prefix=EXACT

// EXACT-NOT: fastmath

// UNKNOWN: error: unknown function 'log'; expected one of exp, tanh, erf, sin, cos

// CHECK-LABEL: func.func @exp
// CHECK-SAME: (%[[X:.*]]: f32) -> f32
// The argument of a result that rounds to zero is replaced, and so is the result.
// CHECK: %[[MIN:.*]] = arith.constant -103.97
// CHECK: %[[TINY:.*]] = arith.cmpf olt, %[[X]], %[[MIN]] : f32
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK: %[[SAFE:.*]] = arith.select %[[TINY]], %[[ZERO]], %{{.*}} : f32
// Rounding to an integer and back, which no flag may fold.
// CHECK: %[[SCALED:.*]] = arith.mulf %[[SAFE]], %{{.*}} fastmath<contract> : f32
// CHECK: %[[ROUNDED:.*]] = arith.addf %[[SCALED]], %{{.*}} fastmath<contract> : f32
// CHECK: arith.subf %[[ROUNDED]], %{{.*}} : f32
// CHECK: arith.bitcast %[[ROUNDED]] : f32 to i32
// 2^n in two factors.
// CHECK: %[[HALF:.*]] = arith.shrsi
// CHECK: %[[REST:.*]] = arith.subi %{{.*}}, %[[HALF]]
// CHECK-COUNT-2: arith.shli
// CHECK: %[[RESULT:.*]] = arith.select %[[TINY]], %[[ZERO]], %{{.*}} : f32
// CHECK: return %[[RESULT]] : f32
// SOME-LABEL: func.func @exp
// SOME: math.exp
func.func @exp(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  return %0 : f32
}

// An exp that is only rounded to bf16 has one power of two and four coefficients.
// CHECK-LABEL: func.func @narrow_exp
// CHECK-SAME: (%[[X:.*]]: vector<16xf32>)
// CHECK: %[[TINY:.*]] = arith.cmpf olt, %[[X]], %{{.*}}
// CHECK: %[[SHIFTED:.*]] = arith.addf
// CHECK: arith.subf %[[SHIFTED]], %{{.*}} : vector<16xf32>
// CHECK-COUNT-3: arith.addf
// CHECK-NOT: arith.addf
// CHECK: arith.shli
// CHECK-NOT: arith.shli
// CHECK: %[[Y:.*]] = arith.select %[[TINY]]
// CHECK: arith.truncf %[[Y]] : vector<16xf32> to vector<16xbf16>
// SOME-LABEL: func.func @narrow_exp
// SOME: math.exp
func.func @narrow_exp(%x: vector<16xf32>) -> vector<16xbf16> {
  %0 = math.exp %x : vector<16xf32>
  %1 = arith.truncf %0 : vector<16xf32> to vector<16xbf16>
  return %1 : vector<16xbf16>
}

// Another use needs all bits.
// CHECK-LABEL: func.func @wide_exp
// CHECK-COUNT-2: arith.shli
// SOME-LABEL: func.func @wide_exp
func.func @wide_exp(%x: f32) -> (bf16, f32) {
  %0 = math.exp %x : f32
  %1 = arith.truncf %0 : f32 to bf16
  return %1, %0 : bf16, f32
}

// CHECK-LABEL: func.func @tanh
// CHECK-SAME: (%[[X:.*]]: vector<16xf32>)
// CHECK: math.absf %[[X]] : vector<16xf32>
// CHECK: arith.constant dense<{{.*}}> : vector<16xf32>
// CHECK: %[[T:.*]] = arith.divf %{{.*}}, %{{.*}} : vector<16xf32>
// CHECK: %[[RESULT:.*]] = math.copysign %[[T]], %[[X]] : vector<16xf32>
// CHECK: return %[[RESULT]]
// SOME-LABEL: func.func @tanh
// SOME-NOT: math.tanh
func.func @tanh(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.tanh %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// CHECK-LABEL: func.func @erf
// CHECK-SAME: (%[[X:.*]]: vector<8x32xf32>)
// CHECK-NOT: arith.divf
// CHECK: %[[RESULT:.*]] = math.copysign %{{.*}}, %[[X]] : vector<8x32xf32>
// CHECK: return %[[RESULT]]
// SOME-LABEL: func.func @erf
// SOME-NOT: math.erf
func.func @erf(%x: vector<8x32xf32>) -> vector<8x32xf32> {
  %0 = math.erf %x : vector<8x32xf32>
  return %0 : vector<8x32xf32>
}

// CHECK-LABEL: func.func @sin
// CHECK-SAME: (%[[X:.*]]: vector<[4]xf32>)
// CHECK: %[[NAN:.*]] = arith.constant dense<0x7FC00000> : vector<[4]xf32>
// CHECK: %[[NEAR:.*]] = arith.select %{{.*}}, %[[X]], %[[NAN]]
// CHECK: arith.extf %[[NEAR]] : vector<[4]xf32> to vector<[4]xf64>
// CHECK: %[[RESULT:.*]] = arith.truncf %{{.*}} : vector<[4]xf64> to vector<[4]xf32>
// CHECK: return %[[RESULT]]
// SOME-LABEL: func.func @sin
// SOME: math.sin
func.func @sin(%x: vector<[4]xf32>) -> vector<[4]xf32> {
  %0 = math.sin %x : vector<[4]xf32>
  return %0 : vector<[4]xf32>
}

// CHECK-LABEL: func.func @cos
// CHECK: arith.bitcast %{{.*}} : f64 to i64
// CHECK: arith.addi %{{.*}}, %{{.*}} : i64
// CHECK-NOT: math.cos
// SOME-LABEL: func.func @cos
// SOME: math.cos
func.func @cos(%x: f32) -> f32 {
  %0 = math.cos %x : f32
  return %0 : f32
}

// Nothing is fused by force: a processor without such an instruction would call
// a function.
// CHECK-NOT: math.fma

// Other types and functions are left alone.

// CHECK-LABEL: func.func @others
// CHECK: math.exp %{{.*}} : bf16
// CHECK: math.exp %{{.*}} : f64
// CHECK: math.exp %{{.*}} : tensor<4xf32>
// CHECK: math.rsqrt %{{.*}} : f32
func.func @others(%b: bf16, %d: f64, %t: tensor<4xf32>, %x: f32)
    -> (bf16, f64, tensor<4xf32>, f32) {
  %0 = math.exp %b : bf16
  %1 = math.exp %d : f64
  %2 = math.exp %t : tensor<4xf32>
  %3 = math.rsqrt %x : f32
  return %0, %1, %2, %3 : bf16, f64, tensor<4xf32>, f32
}
