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


# Two queries share a key and a value; heads are four vectors of 16 floats.
PREFILL = """
func.func @f(%q: tensor<?x?x256x{e}>, %k: tensor<?x?x128x{e}>, %v: tensor<?x?x128x{e}>)
    -> tensor<?x?x256x{e}> {{
  %0 = gpt.attention %q, %k, %v {{causal, num_heads = 4 : i64, num_kv_heads = 2 : i64}}
    : (tensor<?x?x256x{e}>, tensor<?x?x128x{e}>, tensor<?x?x128x{e}>) -> tensor<?x?x256x{e}>
  return %0 : tensor<?x?x256x{e}>
}}
"""
DECODE = """
func.func @f(%q: tensor<1x1x256x{e}>, %k: tensor<1x1x128x{e}>, %v: tensor<1x1x128x{e}>,
    %ks: tensor<1x2x?x64x{e}>, %vs: tensor<1x2x?x64x{e}>, %p: tensor<1xi64>)
    -> (tensor<1x1x256x{e}>, tensor<1x2x?x64x{e}>, tensor<1x2x?x64x{e}>) {{
  %0:3 = gpt.cached_attention %q, %k, %v cache(%ks, %vs) positions(%p)
      {{num_heads = 4 : i64, num_kv_heads = 2 : i64}}
    : (tensor<1x1x256x{e}>, tensor<1x1x128x{e}>, tensor<1x1x128x{e}>,
       tensor<1x2x?x64x{e}>, tensor<1x2x?x64x{e}>, tensor<1xi64>)
    -> (tensor<1x1x256x{e}>, tensor<1x2x?x64x{e}>, tensor<1x2x?x64x{e}>)
  return %0#0, %0#1, %0#2 : tensor<1x1x256x{e}>, tensor<1x2x?x64x{e}>, tensor<1x2x?x64x{e}>
}}
"""

# Processor -> its registers, and how many of them a schedule has sums in.
REGISTERS = {
    "znver4": ("zmm", 16),
    "x86-64-v4": ("zmm", 16),
    "x86-64-v3": ("ymm", 8),
}


def emit_asm(
    element: str, options: CompileOptions, rows: str = "?x?", text: str = PROJECTION
) -> str:
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(text.format(e=element, r=rows))
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
        ("x86-64-v4", "bf16", r"vfmadd231ps\s.*%zmm\d+$", 16, 8 * 2 * 4),
        ("x86-64-v3", "f32", r"vfmadd231ps\s.*%ymm\d+$", 8, 4 * 2 * 4),
        ("x86-64-v3", "bf16", r"vfmadd231ps\s.*%ymm\d+$", 8, 4 * 2 * 4),
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


@pytest.mark.parametrize("cpu", REGISTERS)
@pytest.mark.parametrize("element", ["f32", "bf16"])
@pytest.mark.parametrize("text", [PREFILL, DECODE], ids=["prefill", "decode"])
def test_attention_keeps_its_sums_in_registers(text: str, element: str, cpu: str) -> None:
    """Scores, and values times weights: both loops, with keys of any type."""
    registers, sums = REGISTERS[cpu]
    product = rf"(vfmadd\d+ps|vdpbf16ps)\s.*%{registers}\d+$"
    options = CompileOptions(opt_level=3, target_triple="x86_64-unknown-linux-gnu", target_cpu=cpu)
    asm = emit_asm(element, options, text=text)
    # Exponentials, which shift exponents, have products, too.
    hot = [
        body for body in loops(asm) if len(count(body, product)) >= 8 and not count(body, "vpsrad")
    ]
    assert len(hot) >= 2
    for body in hot:
        # No register is saved. What does not change may be read from the stack: queries, for which
        # AVX2 has no registers left beside sums, or scores, by an index.
        assert count(body, r"vmov\w+\s+%[xyz]mm\d+, -?\d*\(%r[sb]p\)$") == []
    # The products of weights and values have as many sums as there are registers for.
    kept = {len({line.split()[-1] for line in count(body, product)}) for body in hot}
    assert max(kept) >= min(sums, 8)
    assert not re.search(r"call\S*\s+\w*expf", asm)


@pytest.mark.parametrize(
    ("cpu", "element", "product", "panels"),
    [
        ("znver4", "f32", "vfmadd231ps", 1),
        ("znver4", "bf16", "vdpbf16ps", 1),
        ("x86-64-v4", "f32", "vfmadd231ps", 1),
        ("x86-64-v3", "f32", "vfmadd231ps", 2),
    ],
)
def test_single_row_is_multiplied_as_it_streams(
    cpu: str, element: str, product: str, panels: int
) -> None:
    options = CompileOptions(opt_level=3, target_triple="x86_64-unknown-linux-gnu", target_cpu=cpu)
    body = hottest(emit_asm(element, options, rows="1x1"), product)
    products = count(body, product)
    # Features (or pairs) of a step, by the vectors of a panel.
    assert len(products) >= 8 * 2 * panels
    # A vector of the weight is read once, an element (or a pair) of the row is broadcast once for
    # the panels that are read at a time.
    weights = count(body, r"(vmovup|vmovap|vmovdq|vfmadd231p|vdpbf16p)\S+\s+-?\d*\([^,]*\),")
    assert len(weights) == len(products)
    assert 2 * panels * len(count(body, "vbroadcastss")) == len(products)
    # Beside that there is only the loop itself.
    assert count(body, rf"(?!{product}|vbroadcastss|vmov\w+\s.*\(|add|inc|cmp|j)") == []


ATTENTION = """
func.func @f(%q: tensor<1x?x128x{e}>, %k: tensor<1x2x?x64x{e}>, %v: tensor<1x2x?x64x{e}>,
    %p: tensor<1xi64>) -> (tensor<1x?x128x{e}>, tensor<1x2x?x64x{e}>, tensor<1x2x?x64x{e}>) {{
  %0:3 = gpt.cached_attention %q, %q, %q cache(%k, %v) positions(%p)
    {{num_heads = 2 : i64, num_kv_heads = 2 : i64}}
    : (tensor<1x?x128x{e}>, tensor<1x?x128x{e}>, tensor<1x?x128x{e}>, tensor<1x2x?x64x{e}>,
       tensor<1x2x?x64x{e}>, tensor<1xi64>)
    -> (tensor<1x?x128x{e}>, tensor<1x2x?x64x{e}>, tensor<1x2x?x64x{e}>)
  return %0#0, %0#1, %0#2 : tensor<1x?x128x{e}>, tensor<1x2x?x64x{e}>, tensor<1x2x?x64x{e}>
}}
"""


@pytest.mark.parametrize(
    ("cpu", "element", "product"),
    [
        ("znver4", "bf16", r"vdpbf16ps\s.*%zmm\d+$"),
        ("znver4", "f32", r"vfmadd231ps\s.*%zmm\d+$"),
        # Without the instruction, bf16 is multiplied in f32.
        ("x86-64-v4", "bf16", r"vfmadd231ps\s.*%zmm\d+$"),
    ],
)
def test_prefill_multiplies_in_pairs_where_it_can(cpu: str, element: str, product: str) -> None:
    """Both products: 8 keys (or features of a value) times 32 queries."""
    options = CompileOptions(opt_level=3, target_triple="x86_64-unknown-linux-gnu", target_cpu=cpu)
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(ATTENTION.format(e=element))
        asm = emit(module, "asm", options).decode()
    assert ("vdpbf16ps" in asm) == (cpu == "znver4" and element == "bf16")
    # Single keys at the end of a tile have two sums only.
    products = [
        body
        for body in loops(asm)
        if len({line.split()[-1] for line in count(body, product)}) == 16
    ]
    assert len(products) == 2
    for body in products:
        # Nothing is stored in the loop, so nothing is spilled; the loads are those of the queries
        # or weights, two registers, and of one element (or pair) of each of 8 rows.
        assert count(body, r"vmov\w+\s+%[xyz]mm\d+, .*\(") == []
        if "vdpbf16ps" in product:
            pairs = count(body, r"vbroadcastss\s+-?\d*\(")
            assert len(pairs) == len(count(body, product)) // 2
            loads = count(body, r"vmov\w+\s+-?\d*\(")
            assert len(loads) == len(count(body, product)) // 8
            # Beside that there is only the loop itself.
            known = rf"{product}|vbroadcastss|vmov\w+\s+-?\d*\(|add|sub|inc|dec|cmp|j"
            assert [line for line in body if not re.match(known, line)] == []


def test_epilogue_is_vector_code_without_calls() -> None:
    options = CompileOptions(
        opt_level=3, target_triple="x86_64-unknown-linux-gnu", target_cpu="znver4"
    )
    asm = emit_asm("f32", options)
    assert not re.search(r"call\S*\s+(erff|expf|tanhf)", asm)


@pytest.mark.parametrize(
    ("text", "rows", "least"),
    [
        (PROJECTION, "?x?", 8 * 2 * 4),
        # A panel is two registers.
        (PROJECTION, "1x1", 8 * 2),
        (PREFILL, "", 8 * 2),
        (DECODE, "", 8 * 2),
    ],
    ids=["projection", "row", "prefill", "decode"],
)
def test_arm_uses_its_vectors(text: str, rows: str, least: int) -> None:
    options = CompileOptions(
        opt_level=3, target_triple="aarch64-unknown-linux-gnu", target_cpu="neoverse-n1"
    )
    product = r"fmla\s+v\d+\.4s"
    body = hottest(emit_asm("f32", options, rows, text), product)
    assert len(count(body, product)) >= least
    assert count(body, r"st[rp]\s+q.*\[sp") == []
    assert rows == "" or [line for line in body if "[sp" in line] == []
