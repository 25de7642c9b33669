"""Mark variances of an image that a network reads as float arithmetic.

    v = mean((x − m)²)    over height and width, and arithmetic on v

Modulation by variance reads v without a root (variances below a root are marked by
`edge_imgq.graph.passes.protect.mark_std_float`). Squares span twice the orders of magnitude of the
values, more than eight bits represent. The nodes from the mean to v are marked
(`edge_imgq.graph.float_regions`), and after v all arithmetic on one number per channel. That costs
next to nothing, and is rounded once, where an image or a convolution reads it.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.passes.mark.mark_tone_curves_float import ARITHMETIC
from edge_imgq.graph.passes.protect.mark_std_float import MEANS, centring, is_square


def mark_variance_float(model: ir.Model) -> int:
    """Mark means of squares over height and width, and arithmetic on them, to be computed in float.

    It marks the subtraction of the mean, if any, the square, its mean (N, C, 1, 1), and all
    elementwise arithmetic after it whose result is (N, C, 1, 1). In a quantized graph they compute
    in float. Marks are metadata of nodes; the float graph computes the same.

    Args:
        model: edited in place.

    Returns:
        The number of nodes marked.
    """
    marked = 0
    for node in model.graph:
        nodes = _mean_of_squares(node) or ([node] if _continues(node) else [])
        for member in nodes:
            marked += not is_marked(member)
            mark_float(member)
    return marked


def _mean_of_squares(node: ir.Node) -> list[ir.Node]:
    if node.op_type not in MEANS or not _is_vector(node.outputs[0]):
        return []
    square = edit.find_producer(node.inputs[0])
    if square is None or not is_square(square):
        return []
    return [*centring(square), square, node]


def _continues(node: ir.Node) -> bool:
    """Return True if a node computes one number per channel from a marked value."""
    if node.op_type not in ARITHMETIC or not _is_vector(node.outputs[0]):
        return False
    producers = [edit.find_producer(value) for value in node.inputs if not edit.is_constant(value)]
    return any(producer is not None and is_marked(producer) for producer in producers)


def _is_vector(value: ir.Value) -> bool:
    return value.shape is not None and len(value.shape) == 4 and list(value.shape[2:]) == [1, 1]
