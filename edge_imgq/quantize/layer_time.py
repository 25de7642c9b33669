"""An estimate of what layers take in an int8 file, in int8 and in float.

Counted in slots of int8 (`edge_imgq.graph.lanes`), for XNNPACK's kernels:

    int8     POSITION + slots              at each position of the output
    float    FLOAT_SLOT · slots
    edges    CONVERSION                    for each element that is dequantized or quantized

It serves to compare choices for one network; what a file takes is what `bench` measures. Fitted to
18 files: fsrcnn-x2, dped-slim and deblur-slim at 180×320 with no, all, the first, the last, the
middle and the first half of their layers in float, on one thread of an AMD EPYC with AVX-512. Of
these it foretells 15 to a tenth, and the farthest, 72 ms, to 18 %.
"""

from __future__ import annotations

from collections.abc import Collection
from math import prod

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.arithmetic import computes_in_float, is_marked
from edge_imgq.graph.layer_slots import layer_slots
from edge_imgq.quantize.precision import float_nodes, is_inner, layers

POSITION = 1020.0
FLOAT_SLOT = 4.7
CONVERSION = 31.0


def layer_times(graph: ir.Graph, names: Collection[str]) -> dict[str, float]:
    """Return the slots of every layer, and of the conversions under the name "".

    Args:
        graph: float graph whose shapes are known.
        names: of the layers that compute in float.
    """
    times = {node.name or "": _layer(node, in_float=node.name in names) for node in layers(graph)}
    return times | {"": CONVERSION * _converted(graph, float_nodes(graph, names))}


def float_time(graph: ir.Graph) -> float:
    """Return the slots of all layers of a float file.

    Args:
        graph: float graph whose shapes are known, rewritten for such a file.
    """
    return sum(_layer(node, in_float=True) for node in layers(graph))


def _layer(node: ir.Node, *, in_float: bool) -> float:
    weight = edit.contents(node.inputs[1])
    written = node.op_type == "Conv"
    places = node.outputs[0] if written else node.inputs[0]
    positions = _count(places, 2) * _count(places, 3)
    grouped = node.attributes.get_int("group", 1) > 1 or not written
    # A tap of a depthwise or transposed convolution is counted as it stands.
    slots = float(weight.size) if grouped else layer_slots(node, quantized=not in_float)
    return positions * (FLOAT_SLOT * slots if in_float else POSITION + slots)


def _converted(graph: ir.Graph, chosen: set[ir.Node]) -> int:
    """Return how many elements are dequantized or quantized around nodes in float.

    Args:
        graph: whose shapes are known.
        chosen: nodes that compute in float besides those that have no integer kernel. Between two
            of these a value is rounded, unless a pass marked both.
    """
    values = [*graph.inputs, *(value for node in graph for value in node.outputs)]
    exact = chosen | {node for node in graph if is_marked(node)}
    floats = chosen | {node for node in graph if computes_in_float(node)}
    total = 0
    for value in values:
        if value.is_initializer() or is_inner(value, exact):
            continue
        edges = (value.producer() in floats) + any(n in floats for n in value.consumers())
        if edges:
            total += edges * prod(_count(value, axis) for axis in range(len(value.shape or ())))
    return total


def _count(value: ir.Value | None, axis: int) -> int:
    length = value.shape[axis] if value is not None and value.shape is not None else 1
    return length if isinstance(length, int) else 1
