"""The edits that graph passes are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir


def is_constant(value: ir.Value | None) -> bool:
    """Tell whether a value is there and known before the model runs."""
    return value is not None and value.const_value is not None


def contents(value: ir.Value | None) -> Any:
    """Return the contents of a constant value as a NumPy array."""
    if value is None or value.const_value is None:
        raise ValueError("not a constant")
    return value.const_value.numpy()


def producer_of(node: ir.Node, index: int) -> ir.Node:
    """Return the node that computes an input which must be there and be computed."""
    producer = find_maker(node.inputs[index])
    if producer is None:
        raise ValueError(f"no node computes input {index} of '{node.name}'")
    return producer


def find_maker(value: ir.Value | None) -> ir.Node | None:
    """Return the node that computes a value; None where there is no value, or no such node."""
    return None if value is None else value.producer()


def maker(value: ir.Value) -> ir.Node:
    """Return the node that computes a value which is computed."""
    node = value.producer()
    if node is None:
        raise ValueError(f"no node computes '{value.name}'")
    return node


def replace_contents(value: ir.Value | None, array: Any) -> None:
    """Give a constant other contents, in place."""
    if value is None:
        raise ValueError("not a constant")
    value.const_value = ir.tensor(array, name=value.name)


def sole_consumer(value: ir.Value) -> ir.Node | None:
    """Return the node that reads a value; None when it is read more than once or leaves the graph.

    A node that reads a value twice, such as x · x, does not count.
    """
    uses = list(value.uses())
    if len(uses) != 1 or value.is_graph_output():
        return None
    return uses[0].node


class Names:
    """The names of a graph's values, for many additions: looking each up walks the whole graph."""

    def __init__(self, graph: ir.Graph) -> None:
        self._taken = _taken(graph)

    def free(self, name: str) -> str:
        """Return `name`, numbered if it is taken; from now on it is."""
        unique = _numbered(name, self._taken)
        self._taken.add(unique)
        return unique


def add_constant(graph: ir.Graph, name: str, array: Any, names: Names | None = None) -> ir.Value:
    """Register an initializer under a name that no other value has.

    Args:
        graph: the graph to add it to.
        name: wanted name; a number is appended where it is taken.
        array: NumPy array, kept in its type.
        names: of the graph, where many are added.
    """
    unique = names.free(name) if names else free_name(graph, name)
    tensor = ir.tensor(np.array(array, order="C"), name=unique)
    value = ir.Value(name=unique, const_value=tensor, type=ir.TensorType(tensor.dtype))
    value.shape = ir.Shape(np.shape(array))
    graph.register_initializer(value)
    return value


def free_name(graph: ir.Graph, name: str) -> str:
    """Return `name`, numbered if a value of the graph already has it."""
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
    """Insert a one-output node before another and return its output, a float tensor."""
    node = ir.node(kind, inputs, attributes, name=name)
    output = node.outputs[0]
    node.name = output.name = free_name(graph, name)  # several nodes may ask for one name
    output.dtype = ir.DataType.FLOAT
    graph.insert_before(before, node)
    return output


def insert_convolution(
    graph: ir.Graph, before: ir.Node, source: ir.Value, weight: Any, name: str, bias: Any = None
) -> ir.Value:
    """Insert a 1×1 convolution before a node and return its output.

    Args:
        graph: the graph to change.
        before: the node that it must stand before.
        source: its input, (N, C, H, W).
        weight: matrix (output channels, input channels).
        name: of the node; its constants are named after it.
        bias: vector (output channels,) or None.
    """
    kernel = np.asarray(weight, np.float32)[:, :, np.newaxis, np.newaxis]
    inputs: list[ir.Value | None] = [source, add_constant(graph, f"{name}.weight", kernel)]
    if bias is not None:
        inputs.append(add_constant(graph, f"{name}.bias", np.asarray(bias, np.float32)))
    return insert_node(graph, before, "Conv", inputs, {"kernel_shape": [1, 1]}, name)


def insert_reshape(
    graph: ir.Graph, before: ir.Node, source: ir.Value | None, lengths: Sequence[int], name: str
) -> ir.Value:
    """Insert a Reshape to known lengths before a node and return its output.

    Args:
        graph: the graph to change.
        before: the node that it must stand before.
        source: what is reshaped.
        lengths: of its axes from there on.
        name: of the node; its constant is named after it.
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
    """Insert a Slice before a node and return its output, whose shape is left open.

    Args:
        graph: the graph to change.
        before: the node that it must stand before; constants are named after it.
        source: what is cut.
        ends: first place that is kept and the one behind the last, by axis; negative ones count
            from the end.
        name: of the new node.
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


def take_place(old: ir.Value, new: ir.Value) -> None:
    """Let `new` be read everywhere that `old` was, under the name of `old` at the graph's edge."""
    if old.is_graph_output():
        new.name, old.name = old.name, f"{old.name}_before"
        new.shape, new.type = old.shape, old.type
    old.replace_all_uses_with(new, replace_graph_outputs=True)


def remove_node(node: ir.Node) -> None:
    """Remove a node that nothing reads any more, and the constants that only it read."""
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    constants = [value for value in node.inputs if value is not None and value.is_initializer()]
    graph.remove(node, safe=True)
    for value in constants:
        if not value.uses() and value.name is not None:
            graph.initializers.pop(value.name, None)


def remove_dead(node: ir.Node) -> None:
    """Remove a node that nothing reads, and then those before it that only it read."""
    if node.graph is None or any(v.uses() or v.is_graph_output() for v in node.outputs):
        return
    sources = [value.producer() for value in node.inputs if value is not None]
    remove_node(node)
    for source in sources:
        if source is not None:
            remove_dead(source)


def bias_of(node: ir.Node) -> Any:
    """Return the constant bias of a convolution, None when it has none."""
    given = node.inputs[2] if len(node.inputs) > 2 else None
    return None if given is None else contents(given)


def set_bias(node: ir.Node, array: Any, suffix: str) -> None:
    """Give a convolution a bias, in the place of its own if it has one."""
    if len(node.inputs) < 3:
        node.resize_inputs(3)
    replace_input(node, 2, array, suffix)


def replace_input(node: ir.Node, index: int, array: Any, suffix: str) -> None:
    """Let a node read another constant, float32; the old one goes when nothing reads it."""
    graph, old = node.graph, node.inputs[index]
    assert isinstance(graph, ir.Graph)
    name = f"{node.name}.bias" if old is None else f"{old.name}.{suffix}"
    new = add_constant(graph, name, np.asarray(array, np.float32))
    node.replace_input_with(index, new)
    if old is not None and not old.uses() and old.is_initializer() and old.name is not None:
        graph.initializers.pop(old.name, None)


def channels_before(node: ir.Node, index: int) -> int | None:
    """Return how many channels a Concat takes before an input; None when not all are known."""
    counts = [
        value.shape[1] if value is not None and value.shape is not None else None
        for value in node.inputs[:index]
    ]
    known = [count for count in counts if isinstance(count, int)]
    return sum(known) if len(known) == len(counts) else None
