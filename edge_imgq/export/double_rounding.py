"""Keeps both roundings of a value that a QDQ graph quantizes twice, as ONNX Runtime would not.

An image at 1/255 that a concatenation reads at another scale is a chain

    QuantizeLinear → DequantizeLinear → QuantizeLinear → DequantizeLinear.

Already its basic optimisations make one pair of that, with a scale and zero point of their own that
are those of neither: what both hold, divided anew. Every level moves, white becomes .9987, and a
network that looks closely returns another image.

Between the pairs goes a maximum with the lowest number that the first one holds. It changes no
value, it is a quantized operator like any other to accelerators, and no pass takes it away. (A Relu
would do where the zero point is the lowest level, but there it is taken away.)
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper


def keep_both_roundings(model: onnx.ModelProto) -> None:
    """Put a maximum between two quantizations of a value that nothing else reads; in place.

    Args:
        model: a QDQ graph whose numbers are unsigned.
    """
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    readers = _readers(graph)
    for node in list(graph.node):
        first = makers.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        if first is None or first.op_type != "DequantizeLinear":
            continue
        if makers.get(first.input[0]) is not None and readers[first.output[0]] == 1:
            _separate(graph, first, node)


def _readers(graph: onnx.GraphProto) -> dict[str, int]:
    """Return how often each value is read, as an output of the graph too."""
    read = [name for node in graph.node for name in node.input]
    read += [value.name for value in graph.output]
    return {name: read.count(name) for node in graph.node for name in node.output}


def _separate(graph: onnx.GraphProto, first: onnx.NodeProto, second: onnx.NodeProto) -> None:
    restored = first.output[0]
    stored, lowest, kept = (f"{restored}.{word}" for word in ("level", "lowest", "kept"))
    graph.initializer.append(numpy_helper.from_array(np.zeros((), np.uint8), stored))
    added = [
        helper.make_node("DequantizeLinear", [stored, *first.input[1:]], [lowest], name=lowest),
        helper.make_node("Max", [restored, lowest], [kept], name=kept),
    ]
    second.input[0] = kept
    place = list(graph.node).index(second)
    for node in reversed(added):
        graph.node.insert(place, node)
