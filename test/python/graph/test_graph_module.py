"""The module that a graph is: signature, attributes, scopes, functions, and the way past it."""

from __future__ import annotations

import re
import threading

import pytest
from gpt_mlir.passmanager import PassManager

from gpt_mlir import Graph, GraphError, Tensor, ir
from gpt_mlir.dialects import gpt, tensor
from gpt_mlir.graph import ops
from gpt_mlir.graph.kv_cache import CHOICES, FLAGS, NAMES


def attention_block() -> Graph:
    graph = Graph("attention_block")
    x = graph.input("x", ("batch", "seq", 64))
    h = ops.layer_norm(
        x, graph.weight("ln.weight", (64,)), graph.weight("ln.bias", (64,)), epsilon=1e-5
    )
    q, k, v = ops.split(ops.linear(h, graph.weight("qkv.weight", (192, 64))), 3)
    graph.output("y", x + ops.attention(q, k, v, num_heads=4, causal=True))
    return graph


def functions(graph: Graph) -> list[str]:
    return [op.name.value for op in graph.module.body]


def test_module_text() -> None:
    lines = [line.strip() for line in str(attention_block().module).splitlines()]
    assert lines[1] == (
        'func.func @attention_block(%arg0: tensor<?x?x64xf32> {gpt.dims = ["batch", "seq", ""], '
        'gpt.name = "x"}, %arg1: tensor<64xf32> {gpt.weight = "ln.weight"}, '
        '%arg2: tensor<64xf32> {gpt.weight = "ln.bias"}, '
        '%arg3: tensor<192x64xf32> {gpt.weight = "qkv.weight"}) '
        '-> (tensor<?x?x64xf32> {gpt.dims = ["batch", "seq", ""], gpt.name = "y"}) {'
    )
    function = attention_block().module.body.operations[0]
    assert [op.operation.name for op in function.entry_block] == [
        "gpt.layer_norm",
        "gpt.linear",
        "gpt.split",
        "gpt.attention",
        "gpt.add",
        "func.return",
    ]


def test_module_is_the_same_each_time() -> None:
    assert str(attention_block().module) == str(attention_block().module)


def test_module_parses_again() -> None:
    text = str(attention_block().module)
    with ir.Context():
        assert str(ir.Module.parse(text)) == text


def test_module_is_complete_at_any_time() -> None:
    graph = Graph()
    assert "return" in str(graph.module)
    x = graph.input("x", (3,))
    assert "tensor<3xf32>" in str(graph.module)
    graph.output("y", ops.silu(x))
    graph.output("z", ops.gelu(x))
    module = graph.module
    graph.output("w", x)
    assert graph.module is module
    assert [*graph.outputs] == ["y", "z", "w"]
    function = graph.module.body.operations[0]
    assert len(function.type.results) == 3


def test_weight_asked_twice_is_one_argument() -> None:
    graph = Graph()
    assert graph.weight("w", (3, 4)) is graph.weight("w", [3, 4])
    assert len(graph.module.body.operations[0].type.inputs) == 1


def test_scope_prefixes_weights() -> None:
    graph = Graph()
    with graph.scope("h.0"), graph.scope("ln"):
        graph.weight("weight", (3,))
    graph.weight("weight", (3,))
    assert [*graph.weights] == ["h.0.ln.weight", "weight"]


def test_scope_ends_with_an_exception() -> None:
    graph = Graph()
    with pytest.raises(KeyError), graph.scope("h"):
        raise KeyError
    graph.weight("w", (1,))
    assert [*graph.weights] == ["w"]


def test_views_are_read_only() -> None:
    graph = attention_block()
    assert [*graph.inputs] == ["x"]
    assert [*graph.weights] == ["ln.weight", "ln.bias", "qkv.weight"]
    with pytest.raises(TypeError):
        graph.inputs["y"] = graph.inputs["x"]  # type: ignore[index]


def test_causal_mask_sizes() -> None:
    graph = Graph()
    x = graph.input("x", ("batch", "seq", 8))
    cache = graph.input("cache", ("batch", 2, "capacity", 4))
    positions = graph.input("positions", ("batch",), "i64")
    assert repr(ops.causal_mask((x.shape[1], 7))) == "Tensor([seq, 7], f32)"
    assert repr(ops.causal_mask((3, 7), graph=graph)) == "Tensor([3, 7], f32)"
    mask = ops.causal_mask((1, cache.shape[2]), positions, window=4, dtype="bf16")
    assert repr(mask) == "Tensor([batch, 1, 1, capacity], bf16)"
    assert repr(ops.causal_mask(("seq", "seq"), graph=graph)) == "Tensor([seq, seq], f32)"


def test_functions_of_one_module() -> None:
    def double(block: Graph, x: Tensor) -> Tensor:
        return x + x

    graph = Graph("a")
    graph.output("y", graph.call(double, graph.input("x", (3,))))
    other = graph.function("b")
    other.output("y", other.call(double, other.input("x", (3,))))
    assert functions(other) == ["a", "double", "b"]
    assert "private @double" in str(graph.module)
    with pytest.raises(GraphError, match="expected rhs to belong to graph 'a'"):
        ops.add(graph.inputs["x"], other.inputs["x"])


def test_generated_op_classes_stay_reachable() -> None:
    graph = Graph()
    x = graph.input("x", ("batch", 8))
    with graph.insertion_point():
        scaled = gpt.scale(x.value, 2.0)
        slice_type = ir.RankedTensorType.get([1, 8], ir.F32Type.get())
        cut = tensor.extract_slice(slice_type, scaled, [], [], [], [0, 0], [1, 8], [1, 1])
    y = graph.wrap(cut, "cut")
    assert repr(y) == "Tensor('cut', [1, 8], f32)"
    graph.output("y", ops.gelu(y))
    assert "tensor.extract_slice" in str(graph.module)


def test_insert_kv_cache_makes_a_module_of_its_own() -> None:
    graph = attention_block()
    before = str(graph.module)
    module = graph.insert_kv_cache(logits="all", prefill_name="start", keep_function=True)
    assert [op.name.value for op in module.body] == ["attention_block", "start", "decode"]
    assert "gpt.cached_attention" in str(module)
    assert str(graph.module) == before


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *((option, value) for option, values in CHOICES.items() for value in values),
        *((option, value) for option in FLAGS for value in (True, False)),
    ],
)
def test_insert_kv_cache_takes_every_legal_value(option: str, value: str | bool) -> None:
    module = attention_block().insert_kv_cache(**{option: value})
    assert {"prefill", "decode"} <= {op.name.value for op in module.body}


def test_options_of_insert_kv_cache_are_those_of_the_pass() -> None:
    options = {option.replace("_", "-") for option in (*NAMES, *FLAGS, *CHOICES)}
    manager = PassManager.parse("builtin.module(gpt-insert-kv-cache)", Graph().context)
    assert set(re.findall(r"([\w-]+)=", str(manager))) == options


def test_contexts_are_apart() -> None:
    graph, other = Graph(), Graph()
    assert graph.context is not other.context
    with ir.Context() as mine:
        assert Graph(context=mine).context is mine


def test_threads_build_graphs_of_their_own() -> None:
    expected = str(attention_block().module)
    found: list[str] = []

    def build() -> None:
        for _ in range(5):
            found.append(str(attention_block().module))

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 20


def test_repr() -> None:
    assert repr(attention_block()) == (
        "Graph('attention_block', inputs=[Tensor('x', [batch, seq, 64], f32)], outputs=['y'])"
    )
