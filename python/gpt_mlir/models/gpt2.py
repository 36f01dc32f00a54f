"""GPT-2: LayerNorm before each sub-layer, learned positions, fused projection of q, k and v.

Its projections are stored input-major (`Conv1D`), which `weight_layout="in_out"` takes as it is.
The output projection is the token embedding unless the configuration unties them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpt_mlir.dtypes import DType
from gpt_mlir.models.architecture import Architecture, Shapes, WeightTable, activate
from gpt_mlir.models.config import (
    ModelConfig,
    read_activation,
    read_head_dim,
    read_num_layers,
    read_token_ids,
)
from gpt_mlir.weights import WeightNaming

if TYPE_CHECKING:
    from gpt_mlir.graph import Graph, Tensor
    from gpt_mlir.models.reader import ConfigReader

__all__ = ["Gpt2", "Gpt2Config"]


@dataclass(frozen=True, kw_only=True)
class Gpt2Config(ModelConfig):
    """A GPT-2 configuration.

    Attributes:
        scale_attention: Whether scores are divided by the root of the head dimension.
        scale_by_layer: Whether the scores of layer `i` are divided by `i + 1` as well.
    """

    scale_attention: bool = True
    scale_by_layer: bool = False

    def attention_scale(self, layer: int) -> float | None:
        """Returns what the attention scores of a layer are multiplied by, None for the default."""
        if self.scale_attention and not self.scale_by_layer:
            return None
        scale = self.head_dim**-0.5 if self.scale_attention else 1.0
        return scale / (layer + 1) if self.scale_by_layer else scale


def block(
    graph: Graph, x: Tensor, *, config: Gpt2Config, table: WeightTable, scale: float | None
) -> Tensor:
    """One transformer block: `[batch, seq, hidden_size]` to the same."""
    from gpt_mlir.graph import ops

    def norm(name: str, value: Tensor) -> Tensor:
        return ops.layer_norm(
            value,
            table.weight(graph, f"{name}.weight"),
            table.weight(graph, f"{name}.bias"),
            epsilon=config.norm_epsilon,
        )

    def project(name: str, value: Tensor) -> Tensor:
        return ops.linear(
            value,
            table.weight(graph, f"{name}.weight"),
            table.weight(graph, f"{name}.bias"),
            weight_layout="in_out",
        )

    q, k, v = ops.split(project("attn.c_attn", norm("ln_1", x)), 3)
    heads = ops.attention(q, k, v, num_heads=config.num_heads, causal=True, scale=scale)
    x = x + project("attn.c_proj", heads)
    inner = activate(project("mlp.c_fc", norm("ln_2", x)), config.activation)
    return x + project("mlp.c_proj", inner)


class Gpt2(Architecture[Gpt2Config]):
    """`model_type: gpt2`."""

    model_type = "gpt2"

    def read_config(self, reader: ConfigReader) -> Gpt2Config:
        """Reads a `config.json`."""
        hidden_size = reader.integer("n_embd", "hidden_size")
        num_heads = reader.integer("n_head", "num_attention_heads")
        vocab_size = reader.integer("vocab_size")
        lengths: tuple[str, ...] = ("n_positions", "max_position_embeddings")
        if not reader.has(*lengths) and reader.has("n_ctx"):
            lengths = ("n_ctx",)  # not read by transformers, and beside the others not by us
        if reader.boolean("add_cross_attention", default=False):
            reader.fail("add_cross_attention", "false (a decoder-only model)", True)
        return Gpt2Config(
            model_type=self.model_type,
            vocab_size=vocab_size,
            hidden_size=hidden_size,
            intermediate_size=reader.integer("n_inner", default=4 * hidden_size),
            num_layers=read_num_layers(reader, "n_layer", "num_hidden_layers"),
            num_heads=num_heads,
            num_kv_heads=num_heads,
            head_dim=read_head_dim(reader, hidden_size, num_heads, "n_head"),
            context_length=reader.integer(*lengths),
            tie_word_embeddings=reader.boolean("tie_word_embeddings", default=True),
            activation=read_activation(reader, "activation_function", default="gelu_new"),
            norm_epsilon=reader.number("layer_norm_epsilon", default=1e-5),
            scale_attention=reader.boolean("scale_attn_weights", default=True),
            scale_by_layer=reader.boolean("scale_attn_by_inverse_layer_idx", default=False),
            **read_token_ids(reader, vocab_size),
        )

    def weight_shapes(self, config: Gpt2Config) -> Shapes:
        """Returns the shape of every weight."""
        hidden, inner = config.hidden_size, config.intermediate_size
        layer = {
            "ln_1.weight": (hidden,),
            "ln_1.bias": (hidden,),
            "attn.c_attn.weight": (hidden, 3 * hidden),
            "attn.c_attn.bias": (3 * hidden,),
            "attn.c_proj.weight": (hidden, hidden),
            "attn.c_proj.bias": (hidden,),
            "ln_2.weight": (hidden,),
            "ln_2.bias": (hidden,),
            "mlp.c_fc.weight": (hidden, inner),
            "mlp.c_fc.bias": (inner,),
            "mlp.c_proj.weight": (inner, hidden),
            "mlp.c_proj.bias": (hidden,),
        }
        shapes: dict[str, tuple[int, ...]] = {
            "transformer.wte.weight": (config.vocab_size, hidden),
            "transformer.wpe.weight": (config.context_length, hidden),
        }
        for i in range(config.num_layers):
            shapes |= {f"transformer.h.{i}.{name}": shape for name, shape in layer.items()}
        shapes |= {"transformer.ln_f.weight": (hidden,), "transformer.ln_f.bias": (hidden,)}
        if not config.tie_word_embeddings:
            shapes["lm_head.weight"] = (config.vocab_size, hidden)
        return shapes

    def naming(self, config: Gpt2Config) -> WeightNaming:
        """Returns how checkpoints may spell the names."""
        return WeightNaming(
            prefix="transformer.",
            ignored=(r"h\.\d+\.attn\.(masked_)?bias",),
            tied={"lm_head.weight": "wte.weight"} if config.tie_word_embeddings else {},
        )

    def forward(
        self, graph: Graph, ids: Tensor, config: Gpt2Config, table: WeightTable, dtype: DType
    ) -> Tensor:
        """Builds the forward function."""
        from gpt_mlir.graph import ops

        embedding = table.weight(graph, "transformer.wte.weight")
        positions = table.weight(graph, "transformer.wpe.weight")
        x = ops.embedding(embedding, ids).astype(dtype)
        x = x + ops.embedding(positions, ops.position_ids(ids)).astype(dtype)
        for i in range(config.num_layers):
            scope = f"transformer.h.{i}"
            x = graph.call(
                block,
                x,
                scope=scope,
                config=config,
                table=table.under(scope),
                scale=config.attention_scale(i),
            )
        x = ops.layer_norm(
            x,
            table.weight(graph, "transformer.ln_f.weight"),
            table.weight(graph, "transformer.ln_f.bias"),
            epsilon=config.norm_epsilon,
        )
        head = embedding if config.tie_word_embeddings else table.weight(graph, "lm_head.weight")
        return ops.linear(x, head)
