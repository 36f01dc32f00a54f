"""LLaMA: RMSNorm, rotary attention with grouped queries, gated feed-forward network (SwiGLU).

The head dimension may be given on its own, and then heads need not add up to the hidden size.
Frequencies may be scaled linearly or as LLaMA 3.1 does.
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

__all__ = ["Llama", "LlamaConfig"]


@dataclass(frozen=True, kw_only=True)
class LlamaConfig(ModelConfig):
    """A LLaMA configuration.

    Attributes:
        rope: The rotary embedding.
        attention_bias: Whether the projections of the attention have a bias.
        mlp_bias: Whether those of the feed-forward network have one.
    """

    rope: RopeConfig
    attention_bias: bool = False
    mlp_bias: bool = False


def block(graph: Graph, x: Tensor, *, config: LlamaConfig, table: WeightTable) -> Tensor:
    """One transformer block: `[batch, seq, hidden_size]` to the same."""
    from gpt_mlir.graph import ops

    def norm(name: str, value: Tensor) -> Tensor:
        weight = table.weight(graph, f"{name}.weight")
        return ops.rms_norm(value, weight, epsilon=config.norm_epsilon)

    def project(name: str, value: Tensor) -> Tensor:
        return ops.linear(
            value,
            table.weight(graph, f"{name}.weight"),
            table.optional(graph, f"{name}.bias"),
        )

    def rotate(value: Tensor, num_heads: int) -> Tensor:
        return ops.rope(value, num_heads=num_heads, **asdict(config.rope))

    h = norm("input_layernorm", x)
    heads = ops.attention(
        rotate(project("self_attn.q_proj", h), config.num_heads),
        rotate(project("self_attn.k_proj", h), config.num_kv_heads),
        project("self_attn.v_proj", h),
        num_heads=config.num_heads,
        num_kv_heads=config.num_kv_heads,
        causal=True,
    )
    x = x + project("self_attn.o_proj", heads)
    h = norm("post_attention_layernorm", x)
    gate = activate(project("mlp.gate_proj", h), config.activation)
    return x + project("mlp.down_proj", gate * project("mlp.up_proj", h))


class Llama(Architecture[LlamaConfig]):
    """`model_type: llama`."""

    model_type = "llama"

    def read_config(self, reader: ConfigReader) -> LlamaConfig:
        """Reads a `config.json`."""
        hidden_size = reader.integer("hidden_size")
        num_heads = reader.integer("num_attention_heads")
        num_kv_heads = reader.integer("num_key_value_heads", default=num_heads)
        if num_heads % num_kv_heads:
            expected = f"a divisor of num_attention_heads ({num_heads})"
            reader.fail("num_key_value_heads", expected, num_kv_heads)
        head_dim = reader.integer("head_dim", default=None) or read_head_dim(
            reader, hidden_size, num_heads, "num_attention_heads"
        )
        vocab_size = reader.integer("vocab_size")
        context_length = reader.integer("max_position_embeddings")
        return LlamaConfig(
            model_type=self.model_type,
            vocab_size=vocab_size,
            hidden_size=hidden_size,
            intermediate_size=reader.integer("intermediate_size"),
            num_layers=read_num_layers(reader, "num_hidden_layers"),
            num_heads=num_heads,
            num_kv_heads=num_kv_heads,
            head_dim=head_dim,
            context_length=context_length,
            tie_word_embeddings=reader.boolean("tie_word_embeddings", default=False),
            activation=read_activation(reader, "hidden_act", default="silu"),
            norm_epsilon=reader.number("rms_norm_eps", default=1e-6),
            rope=RopeConfig.read(reader, head_dim, context_length),
            attention_bias=reader.boolean("attention_bias", default=False),
            mlp_bias=reader.boolean("mlp_bias", default=False),
            **read_token_ids(reader, vocab_size),
        )

    def weight_shapes(self, config: LlamaConfig) -> Shapes:
        """Returns the shape of every weight."""
        hidden, inner = config.hidden_size, config.intermediate_size
        queries = config.num_heads * config.head_dim
        keys = config.num_kv_heads * config.head_dim
        attention = {
            "self_attn.q_proj": (queries, hidden),
            "self_attn.k_proj": (keys, hidden),
            "self_attn.v_proj": (keys, hidden),
            "self_attn.o_proj": (hidden, queries),
        }
        mlp = {
            "mlp.gate_proj": (inner, hidden),
            "mlp.up_proj": (inner, hidden),
            "mlp.down_proj": (hidden, inner),
        }
        layer: dict[str, tuple[int, ...]] = {"input_layernorm.weight": (hidden,)}
        for projections, bias in ((attention, config.attention_bias), (mlp, config.mlp_bias)):
            for name, shape in projections.items():
                layer[f"{name}.weight"] = shape
                if bias:
                    layer[f"{name}.bias"] = shape[:1]
        layer["post_attention_layernorm.weight"] = (hidden,)
        shapes: dict[str, tuple[int, ...]] = {
            "model.embed_tokens.weight": (config.vocab_size, hidden)
        }
        for i in range(config.num_layers):
            shapes |= {f"model.layers.{i}.{name}": shape for name, shape in layer.items()}
        shapes["model.norm.weight"] = (hidden,)
        if not config.tie_word_embeddings:
            shapes["lm_head.weight"] = (config.vocab_size, hidden)
        return shapes

    def naming(self, config: LlamaConfig) -> WeightNaming:
        """Returns how checkpoints may spell the names."""
        return WeightNaming(
            prefix="model.",
            ignored=(r"(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq",),
            tied={"lm_head.weight": "embed_tokens.weight"} if config.tie_word_embeddings else {},
        )

    def forward(
        self, graph: Graph, ids: Tensor, config: LlamaConfig, table: WeightTable, dtype: DType
    ) -> Tensor:
        """Builds the forward function."""
        from gpt_mlir.graph import ops

        embedding = table.weight(graph, "model.embed_tokens.weight")
        x = ops.embedding(embedding, ids).astype(dtype)
        for i in range(config.num_layers):
            scope = f"model.layers.{i}"
            x = graph.call(block, x, scope=scope, config=config, table=table.under(scope))
        x = ops.rms_norm(x, table.weight(graph, "model.norm.weight"), epsilon=config.norm_epsilon)
        head = embedding if config.tie_word_embeddings else table.weight(graph, "lm_head.weight")
        return ops.linear(x, head)
