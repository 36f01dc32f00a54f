"""GPT-NeoX: LayerNorm, partly rotary attention, feed-forward beside or behind the attention.

The fused projection holds query, key and value of each head side by side, which
`split(num_groups=num_heads)` takes apart without moving weights. The bundled model is one of these.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from gpt_mlir.dtypes import DType
from gpt_mlir.models.architecture import Architecture, Shapes, WeightTable, activate
from gpt_mlir.models.config import (
    ModelConfig,
    RopeConfig,
    read_activation,
    read_head_dim,
    read_num_layers,
    read_token_ids,
)
from gpt_mlir.weights import WeightNaming

if TYPE_CHECKING:
    from gpt_mlir.graph import Graph, Tensor
    from gpt_mlir.models.reader import ConfigReader

__all__ = ["GptNeox", "GptNeoxConfig"]


@dataclass(frozen=True, kw_only=True)
class GptNeoxConfig(ModelConfig):
    """A GPT-NeoX configuration.

    Attributes:
        rope: The rotary embedding.
        parallel_residual: Whether attention and feed-forward network read the same input.
        attention_bias: Whether the projections of the attention have a bias.
    """

    rope: RopeConfig
    parallel_residual: bool = True
    attention_bias: bool = True


def block(graph: Graph, x: Tensor, *, config: GptNeoxConfig, table: WeightTable) -> Tensor:
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
            table.optional(graph, f"{name}.bias"),
        )

    def rotate(value: Tensor) -> Tensor:
        return ops.rope(value, num_heads=config.num_heads, **asdict(config.rope))

    def feed_forward(value: Tensor) -> Tensor:
        inner = project("mlp.dense_h_to_4h", norm("post_attention_layernorm", value))
        return project("mlp.dense_4h_to_h", activate(inner, config.activation))

    qkv = project("attention.query_key_value", norm("input_layernorm", x))
    q, k, v = ops.split(qkv, 3, num_groups=config.num_heads)
    heads = ops.attention(rotate(q), rotate(k), v, num_heads=config.num_heads, causal=True)
    attended = x + project("attention.dense", heads)
    return attended + feed_forward(x if config.parallel_residual else attended)


class GptNeox(Architecture[GptNeoxConfig]):
    """`model_type: gpt_neox`."""

    model_type = "gpt_neox"

    def read_config(self, reader: ConfigReader) -> GptNeoxConfig:
        """Reads a `config.json`."""
        hidden_size = reader.integer("hidden_size")
        num_heads = reader.integer("num_attention_heads")
        head_dim = read_head_dim(reader, hidden_size, num_heads, "num_attention_heads")
        given = reader.integer("head_dim", default=head_dim)
        if given != head_dim:
            reader.fail("head_dim", f"hidden_size / num_attention_heads ({head_dim})", given)
        vocab_size = reader.integer("vocab_size")
        context_length = reader.integer("max_position_embeddings")
        return GptNeoxConfig(
            model_type=self.model_type,
            vocab_size=vocab_size,
            hidden_size=hidden_size,
            intermediate_size=reader.integer("intermediate_size"),
            num_layers=read_num_layers(reader, "num_hidden_layers"),
            num_heads=num_heads,
            num_kv_heads=num_heads,
            head_dim=head_dim,
            context_length=context_length,
            tie_word_embeddings=reader.boolean("tie_word_embeddings", default=False),
            activation=read_activation(reader, "hidden_act", default="gelu"),
            norm_epsilon=reader.number("layer_norm_eps", default=1e-5),
            rope=RopeConfig.read(
                reader,
                head_dim,
                context_length,
                theta_key="rotary_emb_base",
                partial_key="rotary_pct",
                partial=0.25,
            ),
            parallel_residual=reader.boolean("use_parallel_residual", default=True),
            attention_bias=reader.boolean("attention_bias", default=True),
            **read_token_ids(reader, vocab_size),
        )

    def weight_shapes(self, config: GptNeoxConfig) -> Shapes:
        """Returns the shape of every weight."""
        hidden, inner = config.hidden_size, config.intermediate_size
        layer: dict[str, tuple[int, ...]] = {
            "input_layernorm.weight": (hidden,),
            "input_layernorm.bias": (hidden,),
            "attention.query_key_value.weight": (3 * hidden, hidden),
            "attention.dense.weight": (hidden, hidden),
            "post_attention_layernorm.weight": (hidden,),
            "post_attention_layernorm.bias": (hidden,),
            "mlp.dense_h_to_4h.weight": (inner, hidden),
            "mlp.dense_h_to_4h.bias": (inner,),
            "mlp.dense_4h_to_h.weight": (hidden, inner),
            "mlp.dense_4h_to_h.bias": (hidden,),
        }
        if config.attention_bias:
            layer |= {
                "attention.query_key_value.bias": (3 * hidden,),
                "attention.dense.bias": (hidden,),
            }
        shapes: dict[str, tuple[int, ...]] = {
            "gpt_neox.embed_in.weight": (config.vocab_size, hidden)
        }
        for i in range(config.num_layers):
            shapes |= {f"gpt_neox.layers.{i}.{name}": shape for name, shape in layer.items()}
        shapes |= {
            "gpt_neox.final_layer_norm.weight": (hidden,),
            "gpt_neox.final_layer_norm.bias": (hidden,),
        }
        if not config.tie_word_embeddings:
            shapes["embed_out.weight"] = (config.vocab_size, hidden)
        return shapes

    def naming(self, config: GptNeoxConfig) -> WeightNaming:
        """Returns how checkpoints may spell the names."""
        return WeightNaming(
            prefix="gpt_neox.",
            aliases={"lm_head.weight": "embed_out.weight"},
            ignored=(
                r"layers\.\d+\.attention\.(masked_)?bias",
                r"(layers\.\d+\.attention\.)?rotary_emb\.inv_freq",
            ),
            tied={"embed_out.weight": "embed_in.weight"} if config.tie_word_embeddings else {},
        )

    def forward(
        self, graph: Graph, ids: Tensor, config: GptNeoxConfig, table: WeightTable, dtype: DType
    ) -> Tensor:
        """Builds the forward function."""
        from gpt_mlir.graph import ops

        embedding = table.weight(graph, "gpt_neox.embed_in.weight")
        x = ops.embedding(embedding, ids).astype(dtype)
        for i in range(config.num_layers):
            scope = f"gpt_neox.layers.{i}"
            x = graph.call(block, x, scope=scope, config=config, table=table.under(scope))
        x = ops.layer_norm(
            x,
            table.weight(graph, "gpt_neox.final_layer_norm.weight"),
            table.weight(graph, "gpt_neox.final_layer_norm.bias"),
            epsilon=config.norm_epsilon,
        )
        head = embedding if config.tie_word_embeddings else table.weight(graph, "embed_out.weight")
        return ops.linear(x, head)
