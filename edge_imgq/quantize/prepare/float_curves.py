"""Find curves, which a network applies to the image itself, and which can compute in float.

Curves are arithmetic on images of few channels, one after another: x ← x + a · (x² − x), with maps
a that a network computes (Guo et al., "Zero-Reference Deep Curve Estimation", CVPR 2020). In int8
each curve rounds the image to its 256 levels anew, and eight of them leave eight times the error of
one. In float the image is rounded once, at the end; with so few channels that takes little time.

`edge_imgq.quantize.prepare.float_operators` decides whether that pays.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph.float_regions import FEW_CHANNELS, is_marked
from edge_imgq.graph.fusion import fused_activation
from edge_imgq.quantize.prepare.float_gates import is_image, is_product

SUMS = frozenset({"Add", "Sub"})
ARITHMETIC = SUMS | {"Mul"}

MIN_SUMS = 2
"""Fewest sums of one expression: where there is one, the image is rounded once anyway."""


def find_curves(graph: ir.Graph) -> list[ir.Node]:
    """Return the nodes of curves that still compute in int8, in graph order; nothing is marked.

    Curves are connected sums and products of images (N, C, H, W) with at most FEW_CHANNELS (4)
    channels, at least MIN_SUMS (2) sums and a product of two images, with the activations that are
    fused to them.
    """
    arithmetic = {node for node in graph if _is_arithmetic(node)}
    fused = (fused_activation(node) for node in arithmetic)
    arithmetic.update([node for node in fused if node is not None])
    curves: set[ir.Node] = set()
    waiting = set(arithmetic)
    while waiting:
        expression = _connected(waiting.pop(), arithmetic)
        waiting -= expression
        sums = sum(node.op_type in SUMS for node in expression)
        if sums >= MIN_SUMS and any(map(is_product, expression)):
            curves |= expression
    return [node for node in graph if node in curves]


def _is_arithmetic(node: ir.Node) -> bool:
    if node.op_type not in ARITHMETIC or is_marked(node) or not is_image(node.outputs[0]):
        return False
    shape = node.outputs[0].shape
    channels = None if shape is None else shape[1]
    return isinstance(channels, int) and channels <= FEW_CHANNELS


def _connected(node: ir.Node, arithmetic: set[ir.Node]) -> set[ir.Node]:
    """Return the nodes of some arithmetic that are connected to a node, itself included."""
    connected, waiting = {node}, [node]
    while waiting:
        one = waiting.pop()
        producers = (value.producer() for value in one.inputs if value is not None)
        near = {*producers, *(reader for value in one.outputs for reader in value.consumers())}
        new = {other for other in near if other in arithmetic} - connected
        connected |= new
        waiting += new
    return connected
