"""Edit operations on the onnx_ir graph, shared by all passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir


def is_constant(value: ir.Value | None) -> bool:
    """Return True if a value is present and has contents before run time, as initializers have."""
    return value is not None and value.const_value is not None


def contents(value: ir.Value | None) -> Any:
    """Return the contents of a constant value as a NumPy array.

    Shape and dtype are as stored; the array must not be changed.

    Raises:
        ValueError: the value is absent or computed.
    """
    if value is None or value.const_value is None:
        raise ValueError("not a constant")
    return value.const_value.numpy()


def producer_of(node: ir.Node, index: int) -> ir.Node:
    """Return the node that computes input `index`, counted from 0.

    Raises:
        ValueError: the input is absent, or no node computes it.
    """
    producer = find_producer(node.inputs[index])
    if producer is None:
        raise ValueError(f"no node computes input {index} of '{node.name}'")
    return producer


def find_producer(value: ir.Value | None) -> ir.Node | None:
    """Return the node that computes a value, or None for an absent, input or constant value."""
    return None if value is None else value.producer()


def producer(value: ir.Value) -> ir.Node:
    """Return the node that computes a value.

    Raises:
        ValueError: no node computes it.
    """
    node = value.producer()
    if node is None:
        raise ValueError(f"no node computes '{value.name}'")
    return node


def replace_contents(value: ir.Value | None, array: Any) -> None:
    """Replace the contents of a constant by an array of its shape and dtype, in place.

    All readers of the constant see the new contents. Shape and dtype are not checked.

    Raises:
        ValueError: the value is absent.
    """
    if value is None:
        raise ValueError("not a constant")
    value.const_value = ir.tensor(array, name=value.name)


def sole_consumer(value: ir.Value) -> ir.Node | None:
    """Return the only reader of a value; None for several uses or a graph output.

    A node that reads a value twice, such as x · x, counts as two uses.
    """
    uses = list(value.uses())
    if len(uses) != 1 or value.is_graph_output():
        return None
    return uses[0].node


class Names:
    """The value names of a graph, cached for many insertions.

    Without it, `free_name` walks the whole graph each time.
    """

    def __init__(self, graph: ir.Graph) -> None:
        self._taken = _taken(graph)

    def free(self, name: str) -> str:
        """Reserve and return `name`, with a number appended if it is taken.

        Names that the graph gets by other means afterwards are not known.
        """
        unique = _numbered(name, self._taken)
        self._taken.add(unique)
        return unique


def add_constant(graph: ir.Graph, name: str, array: Any, names: Names | None = None) -> ir.Value:
    """Add an initializer under a unique name and return its value.

    Args:
        graph: edited in place.
        name: preferred name; a number is appended if it is taken.
        array: contents, copied in row-major order; shape and dtype are kept.
        names: name cache of the graph, for many insertions; None to look in the graph.
    """
    unique = names.free(name) if names else free_name(graph, name)
    tensor = ir.tensor(np.array(array, order="C"), name=unique)
    value = ir.Value(name=unique, const_value=tensor, type=ir.TensorType(tensor.dtype))
    value.shape = ir.Shape(np.shape(array))
    graph.register_initializer(value)
    return value


def free_name(graph: ir.Graph, name: str) -> str:
    """Return `name` if no value of the graph has it, else the first free one of name_1, name_2 ….

    The whole graph is searched; see `Names` for many insertions.
    """
    return _numbered(name, _taken(graph))


def _taken(graph: ir.Graph) -> set[str | None]:
    taken: set[str | None] = {*graph.initializers, *(value.name for value in graph.inputs)}
    taken.update(value.name for node in graph for value in node.outputs)
    return taken


def _numbered(name: str, taken: set[str | None]) -> str:
    if name not in taken:
        return name
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def insert_node(
    graph: ir.Graph,
    before: ir.Node,
    kind: str,
    inputs: Sequence[ir.Value | None],
    attributes: dict[str, Any],
    name: str,
) -> ir.Value:
    """Insert a node with one output before another and return the output, typed float32.

    The shape of the output is not set.

    Args:
        graph: edited in place.
        before: node before which to insert.
        kind: operator type of the standard ONNX domain.
        inputs: in ONNX order; None for an absent one.
        attributes: attributes as Python values.
        name: name of the node and its output; a number is appended if it is taken.
    """
    node = ir.node(kind, inputs, attributes, name=name)
    output = node.outputs[0]
    node.name = output.name = free_name(graph, name)  # several nodes may ask for one name
    output.dtype = ir.DataType.FLOAT
    graph.insert_before(before, node)
    return output


def insert_convolution(
    graph: ir.Graph, before: ir.Node, source: ir.Value, weight: Any, name: str, bias: Any = None
) -> ir.Value:
    """Insert a 1×1 convolution before a node and return its output, float32.

    The shape of the output, (N, output channels, H, W), is not set.

    Args:
        graph: edited in place.
        before: node before which to insert.
        source: input, (N, C, H, W).
        weight: matrix (output channels, input channels), rounded to float32.
        name: name of the node and prefix of its constants' names.
        bias: (output channels,), rounded to float32, or None.
    """
    kernel = np.asarray(weight, np.float32)[:, :, np.newaxis, np.newaxis]
    inputs: list[ir.Value | None] = [source, add_constant(graph, f"{name}.weight", kernel)]
    if bias is not None:
        inputs.append(add_constant(graph, f"{name}.bias", np.asarray(bias, np.float32)))
    return insert_node(graph, before, "Conv", inputs, {"kernel_shape": [1, 1]}, name)


def insert_reshape(
    graph: ir.Graph, before: ir.Node, source: ir.Value | None, lengths: Sequence[int], name: str
) -> ir.Value:
    """Insert a Reshape to a static shape before a node and return its output, float32.

    Args:
        graph: edited in place.
        before: node before which to insert.
        source: float32 input with as many elements (not checked); with None, an absent input, the
            Reshape is invalid.
        lengths: target shape, all lengths positive; the output's shape is set to it.
        name: name of the node and prefix of its constant's name.
    """
    shape = add_constant(graph, f"{name}.shape", np.array(lengths, np.int64))
    result = insert_node(graph, before, "Reshape", [source, shape], {}, name)
    result.shape = ir.Shape(lengths)
    return result


def insert_slice(
    graph: ir.Graph,
    before: ir.Node,
    source: ir.Value,
    ends: Mapping[int, tuple[int, int]],
    name: str,
) -> ir.Value:
    """Insert a Slice of step 1 before a node and return its output, float32, of no set shape.

    Args:
        graph: edited in place.
        before: node before which to insert; its name prefixes the constants' names.
        source: input.
        ends: start (included) and end (excluded) by axis; negative indices count from the end.
            Other axes are kept whole.
        name: name of the new node; a number is appended if it is taken.
    """
    table = {
        "starts": [first for first, _ in ends.values()],
        "ends": [end for _, end in ends.values()],
        "axes": list(ends),
    }
    numbers = [
        add_constant(graph, f"{before.name}.{key}", np.array(values, np.int64))
        for key, values in table.items()
    ]
    return insert_node(graph, before, "Slice", [source, *numbers], {}, name)


def replace_value(old: ir.Value, new: ir.Value) -> None:
    """Let `new` replace `old` for all readers and as graph output, keeping the output's name.

    The old value and its node stay in the graph, without readers. If `old` is a graph output, `new`
    takes its name, shape and type, and `old` is renamed to "<name>_before"; `new` must not be a
    graph input or another graph output then, because it would lose its own name. Otherwise `new`
    keeps its name, shape and type. Nothing checks that shapes agree.
    """
    if old.is_graph_output():
        new.name, old.name = old.name, f"{old.name}_before"
        new.shape, new.type = old.shape, old.type
    old.replace_all_uses_with(new, replace_graph_outputs=True)


def remove_node(node: ir.Node) -> None:
    """Remove a node whose outputs have no readers, and the initializers that only it read.

    Raises:
        ValueError: an output has readers or is a graph output.
    """
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    constants = [value for value in node.inputs if value is not None and value.is_initializer()]
    graph.remove(node, safe=True)
    for value in constants:
        if not value.uses() and value.name is not None:
            graph.initializers.pop(value.name, None)


def remove_dead(node: ir.Node) -> None:
    """Remove a node without readers, then each node upstream that this leaves without readers.

    A node is kept if an output of it has a reader or is a graph output. Initializers that nothing
    else reads are removed too.
    """
    if node.graph is None or any(v.uses() or v.is_graph_output() for v in node.outputs):
        return
    sources = [value.producer() for value in node.inputs if value is not None]
    remove_node(node)
    for source in sources:
        if source is not None:
            remove_dead(source)


def bias_of(node: ir.Node) -> Any:
    """Return the constant bias of a convolution, (output channels,), or None without one.

    It is input 2 of a Conv, ConvTranspose or Gemm, in the dtype as stored.

    Raises:
        ValueError: the bias is computed.
    """
    given = node.inputs[2] if len(node.inputs) > 2 else None
    return None if given is None else contents(given)


def set_bias(node: ir.Node, array: Any, suffix: str) -> None:
    """Set or replace the bias of a convolution by `array`, (output channels,), as float32.

    The new constant is named "<old name>.<suffix>", or "<node>.bias" if there was none, with a
    number appended if that is taken. An old one that nothing else reads is removed.
    """
    if len(node.inputs) < 3:
        node.resize_inputs(3)
    replace_input(node, 2, array, suffix)


def replace_input(node: ir.Node, index: int, array: Any, suffix: str) -> None:
    """Replace input `index`, counted from 0, by `array` as a float32 constant.

    The constant is named "<old name>.<suffix>", or "<node>.bias" if the input was absent, with a
    number appended if that is taken. An old initializer that nothing else reads is removed.
    """
    graph, old = node.graph, node.inputs[index]
    assert isinstance(graph, ir.Graph)
    name = f"{node.name}.bias" if old is None else f"{old.name}.{suffix}"
    new = add_constant(graph, name, np.asarray(array, np.float32))
    node.replace_input_with(index, new)
    if old is not None and not old.uses() and old.is_initializer() and old.name is not None:
        graph.initializers.pop(old.name, None)


def channels_before(node: ir.Node, index: int) -> int | None:
    """Return the index of the first channel that input `index` of a Concat has in its output.

    That is the number of channels of all earlier inputs together, or None if one is unknown. Both
    count from 0; an `index` beyond the last input gives all channels. The Concat is along axis 1.
    """
    counts = [
        value.shape[1] if value is not None and value.shape is not None else None
        for value in node.inputs[:index]
    ]
    known = [count for count in counts if isinstance(count, int)]
    return sum(known) if len(known) == len(counts) else None
