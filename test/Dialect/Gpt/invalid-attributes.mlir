// Breaks every rule about the attributes that gpt puts on functions once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expected 'gpt.weight' to be a non-empty UTF-8 string, but found 1 : i64}}
func.func private @weight(tensor<4xf32> {gpt.weight = 1 : i64})

// -----

// expected-error @+1 {{expected 'gpt.name' to be a non-empty UTF-8 string, but found ""}}
func.func private @name(tensor<4xf32> {gpt.name = ""})

// -----

// expected-error @+1 {{expected 'gpt.name' to be a non-empty UTF-8 string, but found "a\FF"}}
func.func private @name_bytes(tensor<4xf32> {gpt.name = "a\FF"})

// -----

// expected-error @+1 {{expected 'gpt.dims' to be an array of UTF-8 strings, but found "batch"}}
func.func private @dims(tensor<?xf32> {gpt.dims = "batch"})

// -----

// expected-error @+1 {{expected 'gpt.dims' to be an array of UTF-8 strings, but found ["\C3"]}}
func.func private @dims_bytes(tensor<?xf32> {gpt.dims = ["\C3"]})

// -----

// expected-error @+1 {{expected 'gpt.dims' with 2 names to fit the rank of 'tensor<?xf32>'}}
func.func private @dims_rank(tensor<?xf32> {gpt.dims = ["batch", "seq"]})

// -----

// expected-error @+1 {{expected 'gpt.dims' to name dynamic dims only, but dim 0 of 'tensor<4xf32>' is named "batch"}}
func.func private @dims_static(tensor<4xf32> {gpt.dims = ["batch"]})

// -----

// expected-error @+1 {{expected 'gpt.cache' to be "key" or "value", but found "both"}}
func.func private @cache(tensor<4xf32> {gpt.cache = "both"})

// -----

// expected-error @+1 {{expected 'gpt.positions' to be a unit attribute, but found 1 : i64}}
func.func private @positions(tensor<4xi64> {gpt.positions = 1 : i64})

// -----

// expected-error @+1 {{unknown attribute 'gpt.wieght' of the dialect}}
func.func private @unknown(tensor<4xf32> {gpt.wieght = "wte"})

// -----

// expected-error @+1 {{expected 'gpt.weight' on a function argument, not on a result}}
func.func private @result() -> (tensor<4xf32> {gpt.weight = "wte"})

// -----

// expected-error @+1 {{expected 'gpt.name' on a function argument or result}}
func.func private @function() attributes {gpt.name = "f"}

// -----

func.func @work_on_no_loop() {
  // expected-error @+1 {{expected 'gpt.work' on a loop, an integer that is 0 or more}}
  %0 = arith.constant {gpt.work = 1} 0 : index
  return
}

// -----

func.func @negative_work(%n: index) {
  // expected-error @+1 {{expected 'gpt.work' on a loop, an integer that is 0 or more}}
  scf.forall (%i) in (%n) {
  } {gpt.work = -1}
  return
}

// -----

// expected-error @+1 {{expected 'gpt.packing' as gpt-hoist-weight-packing writes it, but found {}}}
module attributes {gpt.packing = {}} {}

// -----

// expected-error @+1 {{expected 'gpt.packing' as gpt-hoist-weight-packing writes it, but found {functions = {}, weights = [1]}}}
module attributes {gpt.packing = {functions = {}, weights = [1]}} {}

// -----

// expected-error @+1 {{expected 'gpt.packing' as gpt-hoist-weight-packing writes it}}
module attributes {gpt.packing = {functions = {}, weights = [{function = "p", layout = "l", sources = ["w"], type = tensor<?xf32>}]}} {}

// -----

// expected-error @+1 {{expected 'gpt.packing' as gpt-hoist-weight-packing writes it}}
module attributes {gpt.packing = {functions = {f = {arguments = array<i64>, packed = array<i64: 0>}}, weights = []}} {}
