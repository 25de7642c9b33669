"""An estimate of what layers take in an int8 file, in int8 and in float.

Counted in slots of int8 (`edge_imgq.graph.lanes`), for XNNPACK's kernels:

    int8     POSITION + slots              at each position of the output
    float    FLOAT_SLOT · slots
    edges    CONVERSION                    for each element that is dequantized or quantized
    others   a row of ELEMENT              for each element that an operator of two tensors or of
                                           one writes; copies and reductions are not counted

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
from edge_imgq.graph.arithmetic import NO_INTEGER_KERNEL, is_marked
from edge_imgq.graph.layer_slots import layer_slots
from edge_imgq.graph.operators import BROADCASTING, LOGICAL
from edge_imgq.quantize.precision import float_nodes, is_inner, layers

POSITION = 1020.0
FLOAT_SLOT = 4.7
CONVERSION = 31.0

BINARY = BROADCASTING - LOGICAL

TABLED = frozenset(
    {
        "Abs", "Ceil", "Cos", "Elu", "Exp", "Floor", "Gelu", "HardSwish", "Log", "Neg",
        "Reciprocal", "Sign", "Sin", "Sqrt",
    }
)  # fmt: skip
"""Operators of one tensor in float between two conversions that XNNPACK makes one table of."""

UNARY = TABLED | {"HardSigmoid", "LeakyRelu", "Mish", "Sigmoid", "Softplus", "Tanh"}

ELEMENT = {"int8": {"binary": 40.0, "unary": 5.0}, "float": {"binary": 20.0, "unary": 40.0}}
"""Slots. Measured on chains of two and six, 16 channels at 128×128, LiteRT 2.3.0 with VNNI, where a
slot takes .0047 ns: Mul .196 ns in int8 and .085 in float, Add .158 and .091, Gelu .025 and .288,
Sigmoid .002 and .184, HardSwish .025 and .040."""


def layer_times(graph: ir.Graph, names: Collection[str]) -> dict[str, float]:
    """Return the slots of every layer and operator, and of the conversions under the name "".

    Args:
        graph: float graph whose shapes are known.
        names: of the layers that compute in float.
    """
    exact = float_nodes(graph, names) | {node for node in graph if is_marked(node)}
    floats = exact | {node for node in graph if node.op_type in NO_INTEGER_KERNEL - TABLED}
    times = {_name(node): _element(node, in_float=node in floats) for node in graph}
    times |= {_name(node): _layer(node, in_float=node.name in names) for node in layers(graph)}
    return times | {"": CONVERSION * _converted(graph, exact, floats)}


def float_time(graph: ir.Graph) -> float:
    """Return the slots of a float file.

    Args:
        graph: float graph whose shapes are known, rewritten for such a file.
    """
    weighted = sum(_layer(node, in_float=True) for node in layers(graph))
    return weighted + sum(_element(node, in_float=True) for node in graph)


def _name(node: ir.Node) -> str:
    return node.name or node.outputs[0].name or ""


def _layer(node: ir.Node, *, in_float: bool) -> float:
    weight = edit.contents(node.inputs[1])
    written = node.op_type == "Conv"
    places = node.outputs[0] if written else node.inputs[0]
    positions = _count(places, 2) * _count(places, 3)
    grouped = node.attributes.get_int("group", 1) > 1 or not written
    # A tap of a depthwise or transposed convolution is counted as it stands.
    slots = float(weight.size) if grouped else layer_slots(node, quantized=not in_float)
    return positions * (FLOAT_SLOT * slots if in_float else POSITION + slots)


def _element(node: ir.Node, *, in_float: bool) -> float:
    """Return the slots of an operator without weights."""
    kind = "binary" if node.op_type in BINARY else "unary" if node.op_type in UNARY else ""
    return (
        ELEMENT["float" if in_float else "int8"][kind] * _elements(node.outputs[0]) if kind else 0
    )


def _converted(graph: ir.Graph, exact: set[ir.Node], floats: set[ir.Node]) -> int:
    """Return how many elements are dequantized or quantized around nodes in float.

    Args:
        graph: whose shapes are known.
        exact: nodes in float between which nothing is rounded.
        floats: these, and those that have no integer kernel.
    """
    values = [*graph.inputs, *(value for node in graph for value in node.outputs)]
    total = 0
    for value in values:
        if value.is_initializer() or is_inner(value, exact):
            continue
        edges = (value.producer() in floats) + any(n in floats for n in value.consumers())
        if edges:
            total += edges * _elements(value)
    return total


def _elements(value: ir.Value) -> int:
    return prod(_count(value, axis) for axis in range(len(value.shape or ())))


def _count(value: ir.Value | None, axis: int) -> int:
    length = value.shape[axis] if value is not None and value.shape is not None else 1
    return length if isinstance(length, int) else 1
