// Types of bytecode are not verified by MLIR: this file has a tensor<-2x3x8xbf16>.
//
// RUN: not gpt-opt %S/Inputs/negative-extent.mlirbc -gpt-verify-limits 2>&1 | FileCheck %s

// CHECK: error: 'gpt.rms_norm' op expected extents of at least 0, got 'tensor<-2x3x8xbf16>'
