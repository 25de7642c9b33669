"""Prevents ONNX Runtime from merging two consecutive quantizations of one value.

A concatenation that reads an image of scale 1/255 at another scale gives the chain

    QuantizeLinear → DequantizeLinear → QuantizeLinear → DequantizeLinear.

ONNX Runtime's basic optimisations merge it into one pair with a new scale and zero point, computed
from the range that both pairs share. Every level changes (white becomes .9987), and the output of
the network changes with it.

A Max with the lowest number of the first pair is inserted between the pairs. It changes no value,
accelerators run it as a quantized operator, and no optimisation removes it. (ONNX Runtime does
remove a Relu where the zero point is the lowest level.)
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edge_imgq.export.optimization_barrier import insert_barrier


def keep_both_roundings(model: onnx.ModelProto) -> None:
    """Insert a Max between two consecutive quantizations of a value, in place.

    The pattern is QuantizeLinear → DequantizeLinear → QuantizeLinear; the Max stands before the
    last and compares with the real value of level 0 of the first. Left alone are quantized graph
    inputs, and dequantized values that another node or a graph output also reads. The result of the
    graph is unchanged, exactly.

    Args:
        model: QDQ graph whose integers are uint8.
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
    """Count the reads of each node output, by nodes and as a graph output."""
    read = [name for node in graph.node for name in node.input]
    read += [value.name for value in graph.output]
    return {name: read.count(name) for node in graph.node for name in node.output}


def _separate(graph: onnx.GraphProto, first: onnx.NodeProto, second: onnx.NodeProto) -> None:
    """Insert a Max with the real value of level 0, which accelerators compute in integers."""
    restored = first.output[0]
    stored, lowest = f"{restored}.level", f"{restored}.lowest"
    graph.initializer.append(numpy_helper.from_array(np.zeros((), np.uint8), stored))
    bound = helper.make_node("DequantizeLinear", [stored, *first.input[1:]], [lowest], name=lowest)
    graph.node.insert(list(graph.node).index(second), bound)
    insert_barrier(graph, second, lowest, f"{restored}.kept")
