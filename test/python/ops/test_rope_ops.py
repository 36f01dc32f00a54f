"""rope against NumPy: both styles, partial rotation, offsets, all scalings."""

from __future__ import annotations

from functools import partial

from cases import Case, CompiledCases, Operand, integers, label

from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

LLAMA3 = {
    "theta": 500000.0,
    "scaling": "llama3",
    "scaling_factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_context_length": 512,  # so that all three ranges of wavelengths occur
}
CASES = [
    Case(
        f"rope_{dtype}_{'at' if positioned else 'zero'}_{head_dim}_{label(attributes)}"[:100],
        partial(ops.rope, **attributes),
        partial(reference.rope, **attributes),
        [
            Operand(("b", "s", attributes["num_heads"] * head_dim), dtype),
            *([Operand(("b",), "i64", integers(0, 3000))] if positioned else []),
        ],
        [{"b": 1, "s": 1}, {"b": 2, "s": 0}, {"b": 2, "s": 17}, {"b": 3, "s": 33}],
        error=partial(reference.rope_error, **attributes),
    )
    for dtype, positioned, head_dim, attributes in (
        *(
            ("f32", positioned, 16, {"num_heads": 3, "style": style})
            for style in ("half_split", "interleaved")
            for positioned in (False, True)
        ),
        ("bf16", True, 6, {"num_heads": 2, "style": "half_split"}),
        ("f16", True, 10, {"num_heads": 1, "style": "interleaved"}),
        ("f32", True, 15, {"num_heads": 2, "rotary_dims": 4}),
        ("f32", True, 17, {"num_heads": 2, "rotary_dims": 6, "style": "interleaved"}),
        ("f32", False, 2, {"num_heads": 1, "theta": 100.0}),
        ("f32", True, 16, {"num_heads": 2, "scaling": "linear", "scaling_factor": 4.0}),
        ("f32", True, 64, {"num_heads": 2, **LLAMA3}),
        ("bf16", False, 32, {"num_heads": 2, "style": "interleaved", **LLAMA3}),
    )
]
executable = CompiledCases(CASES)
test_op = executable.test()
test_every_way = executable.test_every_way()
