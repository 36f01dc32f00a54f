"""The graph builder: functions of `gpt` ops, built eagerly.

A `Graph` is one function of an MLIR module. Building an op appends it to that function at once, so
a mistake surfaces at the line that makes it. `Graph.call` adds sub-graphs to the same module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gpt_mlir import ir
from gpt_mlir.dialects import func
from gpt_mlir.dtypes import DType, DTypeLike
from gpt_mlir.graph.blocks import BlockFunction, BlockTable
from gpt_mlir.graph.call_site import CallSite, MLIRError
from gpt_mlir.graph.declarations import (
    Declaration,
    ShapeLike,
    check_name,
    check_symbol,
    interface_attributes,
)
from gpt_mlir.graph.dims import DimTable
from gpt_mlir.graph.kv_cache import insert_kv_cache
from gpt_mlir.graph.signature import FunctionSignature
from gpt_mlir.graph.tensor import Dim, Tensor, Value

if TYPE_CHECKING:
    from gpt_mlir.runtime import Executable

__all__ = ["Graph"]


class Graph:
    """A function under construction.

    Every graph has its own MLIR context, so different threads can build different graphs. One graph
    is not to be built from several threads at once; compiled, it can run in all of them.

    Attributes:
        name: The name of the function.
        context: The MLIR context of the module.
    """

    def __init__(self, name: str = "forward", *, context: ir.Context | None = None) -> None:
        """Begins a module with one public function.

        Args:
            name: The name of the function: a letter or underscore, then letters, digits,
                underscores.
            context: The MLIR context to build in; a new one if None. It must have the gpt dialect.

        Raises:
            GraphError: `name` is not such a name.
        """
        site = CallSite.find()
        check_symbol(name, site)
        self._blocks = BlockTable()
        self._blocks.reserve(name)
        self.context: ir.Context = ir.Context() if context is None else context
        self._module: ir.Module = ir.Module.create(site.location(self.context))
        self._begin(name, "public", site)

    def _begin(self, name: str, visibility: str, site: CallSite) -> None:
        self.name = name
        self._signature = FunctionSignature(
            self._module, name, visibility, site.location(self.context)
        )
        self._inputs: dict[str, Tensor] = {}
        self._weights: dict[str, Tensor] = {}
        self._outputs: dict[str, Tensor] = {}
        self._scope: tuple[str, ...] = ()
        self._is_block = visibility == "private"
        self._is_traced = False
        self._is_abandoned = False
        self._dims = DimTable()

    def _new_function(self, name: str, visibility: str, site: CallSite) -> Graph:
        graph = object.__new__(Graph)
        graph._blocks = self._blocks
        graph.context = self.context
        graph._module = self._module
        graph._begin(name, visibility, site)
        return graph

    def function(self, name: str) -> Graph:
        """Begins another public function in the same module.

        The functions share their sub-graphs and are compiled together.

        Raises:
            GraphError: The module has a function of this name, or it is not a name.
        """
        site = CallSite.find()
        check_symbol(name, site)
        if not self._blocks.reserve(name):
            raise site.error(f"the module has a function named {name!r} already")
        return self._new_function(name, "public", site)

    # Inputs, weights, outputs.

    def input(self, name: str, shape: ShapeLike, dtype: DTypeLike = "f32") -> Tensor:
        """Adds an input.

        Args:
            name: The name under which the compiled function takes it.
            shape: Extents: an int; a name for a size known only at run time, the same size wherever
                the name appears; None for one without a name. Each call checks names, and what
                ops demand of extents beside that.
            dtype: The element type.

        Returns:
            The input as a tensor.

        Raises:
            GraphError: The name is taken or empty, or shape or dtype are not valid.
        """
        site = CallSite.find()
        check_name("input", name, site)
        self._check_not_block("input", name, site)
        if name in ("self", "weights"):
            raise site.error(f"input name {name!r} is taken by the calls of compiled functions")
        for kind, known in (("input", self._inputs), ("weight", self._weights)):
            if name in known:
                raise site.error(f"{kind} {name!r} exists already: {known[name]!r}")
        declared = Declaration(f"input {name!r}", shape, dtype, site)
        value = self._add_argument(declared, {"gpt.name": name}, site)
        result = self._inputs[name] = Tensor(self, value, name)
        return result

    def weight(self, name: str, shape: Sequence[int], dtype: DTypeLike = "f32") -> Tensor:
        """Adds a weight, or returns the one of this name.

        Args:
            name: The tensor's name in the checkpoint; the current `scope` is put in front.
            shape: Static extents.
            dtype: The element type it is stored in.

        Returns:
            The weight as a tensor.

        Raises:
            GraphError: A weight of this name has another shape or dtype, or these are not valid.
        """
        site = CallSite.find()
        check_name("weight", name, site)
        return self._weight(".".join((*self._scope, name)), shape, dtype, site)

    def _weight(self, name: str, shape: Sequence[int], dtype: DTypeLike, site: CallSite) -> Tensor:
        self._check_not_abandoned(site)
        declared = Declaration(f"weight {name!r}", shape, dtype, site)
        if not declared.is_static:
            raise site.error(f"expected weight {name!r} to have a static shape, found {shape!r}")
        known = self._weights.get(name)
        if known is not None:
            if known.shape != tuple(declared.sizes) or known.dtype != declared.dtype:
                raise site.error(f"weight {name!r} exists already as {known!r}, found {declared}")
            return known
        if name in self._inputs:
            raise site.error(f"input {name!r} exists already: {self._inputs[name]!r}")
        if self._is_traced:
            raise site.error(f"block {self.name!r} is complete and gets no new weight {name!r}")
        value = self._add_argument(declared, {"gpt.weight": name}, site)
        result = self._weights[name] = Tensor(self, value, name)
        return result

    def output(self, name: str, tensor: Tensor) -> Tensor:
        """Makes a tensor a result of the function.

        Args:
            name: The name under which the compiled function returns it.
            tensor: A tensor of this graph.

        Returns:
            `tensor`.

        Raises:
            GraphError: The name is taken or empty, or `tensor` is not of this graph.
        """
        site = CallSite.find()
        check_name("output", name, site)
        self._check_not_block("output", name, site)
        if name in self._outputs:
            raise site.error(f"output {name!r} exists already: {self._outputs[name]!r}")
        self._check_tensor(f"output {name!r}", tensor, site)
        attributes = interface_attributes(self.context, {"gpt.name": name}, _dim_names(tensor))
        self._signature.add_results([tensor.value], [attributes], site.location(self.context))
        self._outputs[name] = tensor
        return tensor

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """The inputs by name, in argument order."""
        return MappingProxyType(self._inputs)

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The weights by name, in argument order."""
        return MappingProxyType(self._weights)

    @property
    def outputs(self) -> Mapping[str, Tensor]:
        """The outputs by name, in result order."""
        return MappingProxyType(self._outputs)

    @contextlib.contextmanager
    def scope(self, name: str) -> Iterator[Graph]:
        """Puts `name` and a dot in front of the weights asked for in a `with` block.

        Raises:
            GraphError: The name is empty.
        """
        check_name("scope", name, CallSite.find())
        outer = self._scope
        self._scope = (*outer, name)
        try:
            yield self
        finally:
            self._scope = outer

    # Sub-graphs.

    def call(
        self,
        function: BlockFunction,
        *tensors: Tensor,
        scope: str | None = None,
        **static: Hashable,
    ) -> Any:
        """Calls a sub-graph.

        `function(block, *tensors, **static)` is run once for each combination of operand types and
        static arguments; `block` is a `Graph` that becomes a private function of the module. The
        weights it asks for become weights of this graph, with the scope in front of their names.

        Args:
            function: Builds the sub-graph. Takes the block, one tensor per operand and the static
                arguments; returns a tensor or a tuple of tensors.
            *tensors: The operands, tensors of this graph.
            scope: Put in front of the names of the block's weights, with a dot.
            **static: Hashable arguments. Calls share a block if all are equal and of the same
                types; -0.0 is not 0.0, and a NaN is a NaN.

        Returns:
            What `function` returned, as tensors of this graph.

        Raises:
            GraphError: The block is built wrongly, an operand is not a tensor of this graph, or a
                static argument is not hashable.
        """
        site = CallSite.find()
        self._check_not_abandoned(site)
        label = getattr(function, "__name__", type(function).__name__)
        for index, operand in enumerate(tensors):
            self._check_tensor(f"operand {index} of block {label!r}", operand, site)
        for key, item in static.items():
            if isinstance(item, Tensor):
                raise site.error(
                    f"expected tensor {key!r} of block {label!r} as an operand, "
                    "before the keyword arguments"
                )
        block = self._blocks.trace(site, self, function, tensors, static)
        prefix = self._scope
        if scope is not None:
            check_name("scope", scope, site)
            prefix = (*prefix, scope)
        operands = [operand.value for operand in tensors]
        for name, (shape, dtype) in block.weights.items():
            operands.append(self._weight(".".join((*prefix, name)), shape, dtype, site).value)
        signature = block.graph._signature
        op = func.CallOp(
            signature.result_types,
            ir.FlatSymbolRefAttr.get(block.graph.name, self.context),
            operands,
            loc=site.location(self.context),
            ip=self._before_terminator(),
        )
        results = tuple(Tensor(self, result) for result in op.operation.results)
        return results[0] if block.single else results

    def _add_block_argument(self, operand: Tensor, site: CallSite) -> Tensor:
        value = self._signature.add_argument(operand.type, {}, site.location(self.context))
        self._dims.add(value, _dim_names(operand))
        return Tensor(self, value, operand.name)

    def _add_block_results(self, results: Sequence[Tensor], site: CallSite) -> None:
        values = [result.value for result in results]
        self._signature.add_results(values, [{}] * len(values), site.location(self.context))
        self._is_traced = True

    def _abandon(self) -> None:
        """Takes the function out of the module; it lives as long as tensors of it are held."""
        self._signature.op.detach_from_parent()
        self._is_abandoned = True

    # The IR, and what is made of it.

    @property
    def module(self) -> ir.Module:
        """The module: this function, its sub-graphs, and the other functions of the module.

        It is the IR itself, not a copy: it grows as the graph does.

        Raises:
            GraphError: The module is not valid; only code under `insertion_point` can cause that.
        """
        try:
            self._module.operation.verify()
        except MLIRError as error:
            raise CallSite.find().error_from(error, f"graph {self.name!r}") from None
        return self._module

    def compile(self, **options: Any) -> Executable:
        """Compiles the module.

        Args:
            **options: The fields of `gpt_mlir.compiler.CompileOptions`.

        Returns:
            The executable: call it with the inputs by name.

        Raises:
            GraphError: The graph has no output.
            CompileError: The compiler fails.
        """
        from gpt_mlir.compiler import CompileOptions, compile_module

        if not self._outputs:
            raise CallSite.find().error(f"graph {self.name!r} has no output to compute")
        return compile_module(self.module, CompileOptions(**options))

    def insert_kv_cache(self, **options: int | str | bool) -> ir.Module:
        """Makes functions for prefill and decode with a KV cache from this causal function.

        Args:
            **options: Options of the pass `gpt-insert-kv-cache`, with underscores for dashes:
                `logits` is "last" or "all"; `cache_element_type` "as-activations", "f32", "bf16"
                or "f16"; `keep_function` a bool; `prefill_name` and `decode_name` are identifiers.

        Returns:
            A new module; the graph stays as it is.

        Raises:
            GraphError: An option is not valid, or the graph does not qualify; the message says
                which op mixes positions in a way that cannot be computed token by token.
        """
        return insert_kv_cache(self.module, self.name, options, CallSite.find())

    # The way to everything MLIR can do.

    @contextlib.contextmanager
    def insertion_point(self) -> Iterator[ir.InsertionPoint]:
        """Makes this function the place where op classes of any dialect insert.

        Under `with graph.insertion_point():` the generated classes of `gpt_mlir.dialects` need
        neither context, location nor insertion point. `Tensor.value` is what they take, `wrap`
        makes a tensor of what they return.
        """
        site = CallSite.find()
        point = self._before_terminator()
        with self.context, site.location(self.context), point:
            yield point

    def wrap(self, value: Value, name: str | None = None) -> Tensor:
        """Returns an MLIR value of this function as a tensor.

        Raises:
            GraphError: It is not a ranked tensor of a supported element type, or not of this
                function.
        """
        site = CallSite.find()
        self._check_not_abandoned(site)
        if not isinstance(value, ir.Value):
            raise site.error(f"expected an ir.Value to wrap, found {type(value).__name__}")
        self._check_own(value, site)
        if not isinstance(value.type, ir.RankedTensorType):
            raise site.error(f"expected a value of a ranked tensor type, found {value.type}")
        try:
            DType.of(value.type.element_type)
        except TypeError as error:
            raise site.error(str(error)) from None
        return Tensor(self, value, name)

    def __repr__(self) -> str:
        inputs = ", ".join(repr(each) for each in self._inputs.values())
        outputs = ", ".join(repr(name) for name in self._outputs)
        return f"Graph({self.name!r}, inputs=[{inputs}], outputs=[{outputs}])"

    # For the other modules of this package.

    def _before_terminator(self) -> ir.InsertionPoint:
        self._check_not_abandoned(CallSite.find())
        return self._signature.insertion_point

    def _add_argument(
        self, declared: Declaration, strings: Mapping[str, str], site: CallSite
    ) -> Value:
        location = site.location(self.context)
        attributes = interface_attributes(self.context, strings, declared.dim_names)
        value = self._signature.add_argument(declared.type(location), attributes, location)
        self._dims.add(value, declared.dim_names)
        return value

    def _check_not_block(self, kind: str, name: str, site: CallSite) -> None:
        if self._is_block:
            raise site.error(
                f"block {self.name!r} has no {kind} {name!r} of its own: it gets tensors as "
                "arguments of Graph.call and returns what its function returns"
            )

    def _check_not_abandoned(self, site: CallSite) -> None:
        if self._is_abandoned:
            raise site.error(f"block {self.name!r} was not completed and cannot be built on")

    def _check_own(self, value: Value, site: CallSite) -> None:
        """Checks that an MLIR value is of this function, or of a region within it."""
        expected = f"expected a value of graph {self.name!r} to wrap"
        if value.context is not self.context:
            raise site.error(f"{expected}, found one of another MLIR context")
        function = _function_of(value)
        if function is None:
            raise site.error(f"{expected}, found one outside of any function")
        if function != self._signature.op.operation:
            name = ir.StringAttr(function.attributes["sym_name"]).value
            raise site.error(f"{expected}, found one of function {name!r}")

    def _check_tensor(self, what: str, value: object, site: CallSite) -> None:
        if not isinstance(value, Tensor):
            raise site.error(f"expected {what} to be a Tensor, found {type(value).__name__}")
        if value.graph is not self:
            raise site.error(
                f"expected {what} to belong to graph {self.name!r}, found {value!r} of graph "
                f"{value.graph.name!r}"
            )


def _function_of(value: Value) -> ir.Operation | None:
    """Returns the function around a value; None if there is none."""
    owner: Any = value.owner
    op = owner.owner if isinstance(owner, ir.Block) else owner
    try:
        while op is not None and op.operation.name != "func.func":
            op = op.operation.parent
    except ValueError:  # how MLIR says that an op is in no block
        return None
    return op.operation if op is not None else None


def _dim_names(tensor: Tensor) -> list[str]:
    return [(size.name or "") if isinstance(size, Dim) else "" for size in tensor.shape]
