"""What an architecture is to the rest of the package, and the weights of a graph.

An architecture says three things about a configuration: the name and shape of every weight, how
checkpoints spell those names, and the forward function as a graph. `WeightTable` is what connects
them: shapes are written once, dtypes come from the checkpoint, and because a table compares by
value, all layers whose weights look alike share one compiled block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from gpt_mlir.dtypes import DType
from gpt_mlir.models.config import ModelConfig

if TYPE_CHECKING:
    from gpt_mlir.graph import Graph, Tensor
    from gpt_mlir.models.reader import ConfigReader
    from gpt_mlir.weights import WeightNaming

__all__ = ["Architecture", "Shapes", "WeightTable", "activate"]

Shapes = Mapping[str, tuple[int, ...]]
Config = TypeVar("Config", bound=ModelConfig)


@dataclass(frozen=True)
class WeightTable:
    """Name, shape and dtype of each weight of a model or of one block of it. Hashable."""

    entries: tuple[tuple[str, tuple[int, ...], DType], ...]

    @classmethod
    def of(cls, shapes: Shapes, dtypes: Mapping[str, DType]) -> WeightTable:
        """Joins shapes with dtypes; a name without a dtype is f32."""
        return cls(
            tuple((name, shape, dtypes.get(name, DType.F32)) for name, shape in shapes.items())
        )

    def under(self, scope: str) -> WeightTable:
        """Returns the weights whose name begins with `scope` and a dot, named without both."""
        prefix = scope + "."
        return WeightTable(
            tuple(
                (name.removeprefix(prefix), shape, dtype)
                for name, shape, dtype in self.entries
                if name.startswith(prefix)
            )
        )

    def __contains__(self, name: str) -> bool:
        return any(entry[0] == name for entry in self.entries)

    def weight(self, graph: Graph, name: str) -> Tensor:
        """Declares weight `name` of `graph`."""
        for entry, shape, dtype in self.entries:
            if entry == name:
                return graph.weight(name, shape, dtype)
        raise KeyError(name)

    def optional(self, graph: Graph, name: str) -> Tensor | None:
        """Declares weight `name` of `graph`, or returns None if the model has no such weight."""
        return self.weight(graph, name) if name in self else None


class Architecture(ABC, Generic[Config]):
    """A family of models that share a forward function; one instance serves all of them."""

    model_type: ClassVar[str]
    """The name in `config.json`."""

    @abstractmethod
    def read_config(self, reader: ConfigReader) -> Config:
        """Reads a `config.json`.

        Raises:
            ConfigError: A key is missing, malformed, or asks for what is not implemented.
        """

    @abstractmethod
    def weight_shapes(self, config: Config) -> Shapes:
        """Returns the shape of every weight, by its name in checkpoints."""

    @abstractmethod
    def naming(self, config: Config) -> WeightNaming:
        """Returns how checkpoints may spell the names."""

    @abstractmethod
    def forward(
        self, graph: Graph, ids: Tensor, config: Config, table: WeightTable, dtype: DType
    ) -> Tensor:
        """Builds the forward function: ids `[batch, seq]` to logits `[batch, seq, vocab]`.

        Args:
            graph: The graph to build in.
            ids: Token ids.
            config: The sizes.
            table: The weights.
            dtype: Element type of activations.
        """

    def build_graph(
        self, config: Config, dtypes: Mapping[str, DType], *, dtype: DType = DType.F32
    ) -> Graph:
        """Returns the graph `forward` of a model: input `ids`, output `logits`.

        Args:
            config: The sizes.
            dtypes: The stored dtype of each weight; f32 where a name is absent.
            dtype: Element type of activations.
        """
        from gpt_mlir.graph import Graph

        graph = Graph("forward")
        ids = graph.input("ids", ("batch", "seq"), DType.I64)
        table = WeightTable.of(self.weight_shapes(config), dtypes)
        graph.output("logits", self.forward(graph, ids, config, table, dtype))
        return graph


def activate(x: Tensor, activation: str) -> Tensor:
    """Applies one of the activations of `ModelConfig`."""
    from gpt_mlir.graph import ops

    if activation == "silu":
        return ops.silu(x)
    return ops.gelu(x, approximate="tanh" if activation == "gelu_tanh" else "none")
