"""Gates whose product is computed in float, where the image gains by it.

A gate multiplies an image by what a sigmoid makes of it, or of another one: x · σ(x),
(x + y) · (σ(y) − ½), x · σ(pool(x)). In int8 it rounds every step, the sigmoid to a scale that the
formats fix, and one scale serves all channels of what it reads and writes, because no gain of a
channel passes through a sigmoid or a product. In float between one DEQUANTIZE and one QUANTIZE it
rounds once, and its ends have gains (`edge_imgq.quantize.prepare.float_region_gains`).

Whether that pays is foretold from the ranges, with the gains that channels may have then
(`edge_imgq.quantize.error_model.rounding_noise`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.fusion import fused_activation
from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.error_model.rounding_noise import NoiseModel
from edge_imgq.quantize.prepare.float_region_gains import insert_edge_factors
from edge_imgq.quantize.ranges.ranges import ChannelRange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GATING = frozenset({"Sigmoid", "Tanh"})
"""Operators whose result is a gate where it is a factor of a product."""

INSIDE = GATING | {"Add", "Mul", "Sub"}
"""Operators that a gate consists of."""

MOST_LEFT = 0.7
"""Share of the noise that gates in float may leave; they take time."""


def gates_in_float(
    original: ir.Model,
    seen: Mapping[str, ChannelRange],
    image: Quantization,
    errors: Callable[[], Mapping[str, NDArray[np.float64]]],
) -> None:
    """Mark the gates of a float graph as float where the image gains; in place, exact in float.

    Args:
        original: float graph, rewritten as it will be quantized.
        seen: ranges of its activations, by name.
        image: parameters of 8-bit pixels.
        errors: returns A of every channel of its images, by the name of the value.

    Raises:
        NotCoveredError: an operator has no torch form.
    """
    if not find_gates(original.graph):
        return
    forecast, draft = NoiseModel(seen, image, errors()), original.clone()
    write_in_float(draft.graph)
    if forecast.noise(draft.graph) <= MOST_LEFT * forecast.noise(original.graph):
        write_in_float(original.graph)


def write_in_float(graph: ir.Graph) -> None:
    """Mark every gate as float, with factors of one at its ends; in place."""
    for nodes in find_gates(graph):
        for node in nodes:
            mark_float(node)
        insert_edge_factors(graph, nodes)


def find_gates(graph: ir.Graph) -> list[list[ir.Node]]:
    """Return the nodes of every gate that computes in int8 so far, in order."""
    gates: list[list[ir.Node]] = []
    taken: set[ir.Node] = set()
    places = {node: place for place, node in enumerate(graph)}
    for node in reversed(places):
        if node not in taken and _is_product(node):
            nodes = sorted(_nodes_of(node), key=places.__getitem__)
            if any(member.op_type in GATING for member in nodes):
                gates.append(nodes)
                taken.update(nodes)
    return gates[::-1]


def _is_product(node: ir.Node) -> bool:
    plain = node.op_type == "Mul" and not is_marked(node)
    return plain and not any(map(edit.is_constant, node.inputs)) and _is_image(node.outputs[0])


def _is_image(value: ir.Value) -> bool:
    return value.shape is not None and len(value.shape) == 4


def _nodes_of(product: ir.Node) -> set[ir.Node]:
    """Return a product, what is fused to it, and what computes its factors and nothing else."""
    fused = fused_activation(product)
    found = {product} if fused is None else {product, fused}
    ahead = list(found)
    while ahead:
        for value in ahead.pop().inputs:
            node = None if value is None else value.producer()
            if node is not None and node not in found and _belongs(node, found):
                found.add(node)
                ahead.append(node)
    return found


def _belongs(node: ir.Node, found: set[ir.Node]) -> bool:
    """Tell whether a node computes what some others read, and nothing else."""
    if node.op_type not in INSIDE or is_marked(node) or fused_activation(node) is not None:
        return False
    value = node.outputs[0]
    return not value.is_graph_output() and found.issuperset(value.consumers())
