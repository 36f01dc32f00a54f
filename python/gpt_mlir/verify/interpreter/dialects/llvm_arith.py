"""The `llvm` dialect: arithmetic on scalars, and intrinsics of real numbers."""

from __future__ import annotations

from collections.abc import Mapping

from gpt_mlir.verify.interpreter.dialects.arith_ops import HANDLERS as ARITH
from gpt_mlir.verify.interpreter.dialects.math_ops import HANDLERS as MATH
from gpt_mlir.verify.interpreter.dialects.math_ops import fused, real_op
from gpt_mlir.verify.interpreter.dialects.steps import float_op, moved
from gpt_mlir.verify.interpreter.translation import Translate

__all__ = ["HANDLERS"]

# What is the same op under another name.
_SAME: Mapping[str, str] = {
    "add": "addi",
    "and": "andi",
    "ashr": "shrsi",
    "bitcast": "bitcast",
    "fadd": "addf",
    "fcmp": "cmpf",
    "fdiv": "divf",
    "fmul": "mulf",
    "fneg": "negf",
    "fpext": "extf",
    "fptosi": "fptosi",
    "fptoui": "fptoui",
    "fptrunc": "truncf",
    "frem": "remf",
    "fsub": "subf",
    "icmp": "cmpi",
    "lshr": "shrui",
    "mul": "muli",
    "or": "ori",
    "sdiv": "divsi",
    "select": "select",
    "sext": "extsi",
    "shl": "shli",
    "sitofp": "sitofp",
    "srem": "remsi",
    "sub": "subi",
    "trunc": "trunci",
    "udiv": "divui",
    "uitofp": "uitofp",
    "urem": "remui",
    "xor": "xori",
    "zext": "extui",
    "intr.maximum": "maximumf",
    "intr.maxnum": "maxnumf",
    "intr.minimum": "minimumf",
    "intr.minnum": "minnumf",
    "intr.smax": "maxsi",
    "intr.smin": "minsi",
    "intr.umax": "maxui",
    "intr.umin": "minui",
}
_REAL = ("ceil", "cos", "exp", "exp2", "floor", "log", "log2", "round", "sin", "sqrt", "tanh")

HANDLERS: Mapping[str, Translate] = {
    **{f"llvm.{name}": ARITH[f"arith.{same}"] for name, same in _SAME.items()},
    **{f"llvm.intr.{name}": MATH[f"math.{name}"] for name in _REAL},
    "llvm.freeze": moved,
    "llvm.intr.copysign": MATH["math.copysign"],
    "llvm.intr.fabs": float_op(abs),
    "llvm.intr.fma": real_op(fused),
    "llvm.intr.fmuladd": real_op(fused),
    "llvm.intr.pow": MATH["math.powf"],
    "llvm.intr.roundeven": MATH["math.roundeven"],
    "llvm.intr.trunc": MATH["math.trunc"],
}
