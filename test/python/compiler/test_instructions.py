"""The instructions of the hot loops, for several targets, whatever this machine is."""

from __future__ import annotations

import re

import pytest

from gpt_mlir import ir
from gpt_mlir.compiler import CompileOptions, emit
from gpt_mlir.dialects import gpt as _gpt  # noqa: F401  # registers the dialect

PROJECTION = """
func.func @f(%x: tensor<{r}x96x{e}>, %w: tensor<128x96x{e}> {{gpt.weight = "w"}},
    %b: tensor<128x{e}>) -> tensor<{r}x128x{e}> {{
  %0 = gpt.linear %x, %w bias(%b)
    : (tensor<{r}x96x{e}>, tensor<128x96x{e}>, tensor<128x{e}>) -> tensor<{r}x128x{e}>
  %1 = gpt.gelu %0 : (tensor<{r}x128x{e}>) -> tensor<{r}x128x{e}>
  return %1 : tensor<{r}x128x{e}>
}}
"""


def emit_asm(element: str, options: CompileOptions, rows: str = "?x?") -> str:
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(PROJECTION.format(e=element, r=rows))
        return emit(module, "asm", options).decode()


def loops(asm: str) -> list[list[str]]:
    """Returns the instructions of each loop that contains no other jump target."""
    found: list[list[str]] = []
    body: list[str] = []
    label = ""
    for line in asm.splitlines():
        if match := re.match(r"(\.L\w+):", line):
            label, body = match.group(1), []
        elif label and line.startswith("\t") and not line.startswith("\t."):
            body.append(line.strip())
            if re.match(rf"(j|b|cb)\S*\s.*{re.escape(label)}$", line.strip()):
                found.append(body)
                label = ""
    return found


def hottest(asm: str, instruction: str) -> list[str]:
    """Returns the loop with the most instructions that match."""
    return max(loops(asm), key=lambda body: len(count(body, instruction)))


def count(body: list[str], instruction: str) -> list[str]:
    return [line for line in body if re.match(instruction, line)]


@pytest.mark.parametrize(
    ("cpu", "element", "product", "registers", "least"),
    [
        # Rows times vectors of a tile, for four features (pairs of features with bf16).
        ("znver4", "f32", r"vfmadd231ps\s.*%zmm\d+$", 16, 8 * 2 * 4),
        ("x86-64-v4", "f32", r"vfmadd231ps\s.*%zmm\d+$", 16, 8 * 2 * 4),
        ("znver4", "bf16", r"vdpbf16ps\s.*%zmm\d+$", 16, 8 * 2 * 4),
        ("x86-64-v3", "f32", r"vfmadd231ps\s.*%ymm\d+$", 8, 4 * 2 * 4),
    ],
)
def test_inner_loop_keeps_its_sums_in_registers(
    cpu: str, element: str, product: str, registers: int, least: int
) -> None:
    options = CompileOptions(opt_level=3, target_triple="x86_64-unknown-linux-gnu", target_cpu=cpu)
    body = hottest(emit_asm(element, options), product)
    products = count(body, product)
    assert len(products) >= least
    assert len({line.split()[-1] for line in products}) >= registers
    # Nothing is spilled, nothing is computed by scalars.
    assert [line for line in body if re.search(r"\(%r[sb]p\)", line)] == []
    assert count(body, r"v\w+ss\s(?!.*\(.*\), %)") == []


@pytest.mark.parametrize(
    ("cpu", "element", "product"),
    [
        ("znver4", "f32", "vfmadd231ps"),
        ("znver4", "bf16", "vdpbf16ps"),
        ("x86-64-v3", "f32", "vfmadd231ps"),
    ],
)
def test_single_row_is_multiplied_as_it_streams(cpu: str, element: str, product: str) -> None:
    options = CompileOptions(opt_level=3, target_triple="x86_64-unknown-linux-gnu", target_cpu=cpu)
    body = hottest(emit_asm(element, options, rows="1x1"), product)
    products = count(body, product)
    # Features (or pairs) of a step, by the vectors of a panel.
    assert len(products) >= 8 * 2
    # A vector of the weight is read once, an element (or a pair) of the row is broadcast once.
    weights = count(body, r"(vmovup|vmovap|vmovdq|vfmadd231p|vdpbf16p)\S+\s+-?\d*\([^,]*\),")
    assert len(weights) == len(products)
    assert 2 * len(count(body, "vbroadcastss")) == len(products)
    # Beside that there is only the loop itself.
    assert count(body, rf"(?!{product}|vbroadcastss|vmov\w+\s.*\(|add|inc|cmp|j)") == []


def test_epilogue_is_vector_code_without_calls() -> None:
    options = CompileOptions(
        opt_level=3, target_triple="x86_64-unknown-linux-gnu", target_cpu="znver4"
    )
    asm = emit_asm("f32", options)
    assert not re.search(r"call\S*\s+(erff|expf|tanhf)", asm)


def test_arm_uses_its_vectors() -> None:
    options = CompileOptions(
        opt_level=3, target_triple="aarch64-unknown-linux-gnu", target_cpu="neoverse-n1"
    )
    product = r"fmla\s+v\d+\.4s"
    body = hottest(emit_asm("f32", options), product)
    assert len(count(body, product)) >= 8 * 2 * 4
    assert [line for line in body if "[sp" in line] == []
