"""Mark standard deviations that a network divides by or reads as float arithmetic.

    s = √(mean(x²) · a + b),      x optionally centred by its mean,

spans more orders of magnitude than eight bits represent, as do multiples of it before an image is
divided by it. The nodes from the square to the division are marked
(`edge_imgq.graph.float_regions`). Complete normalisations are decomposed earlier, by
`edge_imgq.graph.passes.normalise.decompose_norm`.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.operators import AFFINE

MEANS = ("ReduceMean", "GlobalAveragePool")
ROOTS = (0.5, -0.5)
BOUNDS = ("Clip", "Expand", "Max")
"""Further operators allowed before the division: a lower bound ε, and broadcasting."""


def mark_std_float(model: ir.Model) -> int:
    """Mark each √(mean(x²) · a + b), from the square to a division by it, to be computed in float.

    a and b are numbers; x may have its mean subtracted. Arithmetic with numbers after the root is
    marked too, up to the Div or Mul that an image joins. In a quantized graph these nodes compute
    in float. Marks are metadata of nodes; the float graph computes the same.

    Args:
        model: edited in place.

    Returns:
        The number of roots marked.
    """
    count = 0
    for node in model.graph:
        before = _mean_square(node) if _is_root(node) else None
        nodes = [] if before is None else [*before, node, *_after_root(node)]
        count += not all(map(is_marked, nodes))
        for member in nodes:
            mark_float(member)
    return count


def _is_root(node: ir.Node) -> bool:
    return node.op_type == "Sqrt" or _exponent(node) in ROOTS


def _exponent(node: ir.Node) -> float | None:
    given = node.inputs[1] if node.op_type == "Pow" else None
    if not edit.is_constant(given) or edit.contents(given).size != 1:
        return None
    return float(edit.contents(given).reshape(-1)[0])


def _mean_square(root: ir.Node) -> list[ir.Node] | None:
    """Return the nodes from a square to the root of its mean, or None for any other root."""
    nodes: list[ir.Node] = []
    node = edit.find_producer(root.inputs[0])
    while node is not None and _by_a_number(node):
        nodes.append(node)
        node = edit.find_producer(next(v for v in node.inputs if not edit.is_constant(v)))
    if node is None or node.op_type not in MEANS:
        return None
    square = edit.find_producer(node.inputs[0])
    if square is None or not is_square(square):
        return None
    return [*centring(square), square, node, *nodes]


def centring(square: ir.Node) -> list[ir.Node]:
    """Return the mean m and the subtraction of (x − m)² that feed a square, in graph order.

    An empty list if the square is of another value. The mean is a ReduceMean or GlobalAveragePool
    of x, over any axes.
    """
    difference = edit.find_producer(square.inputs[0])
    if difference is None or difference.op_type != "Sub":
        return []
    mean = edit.find_producer(difference.inputs[1])
    if mean is None:
        return []
    own = mean.op_type in MEANS and mean.inputs[0] is difference.inputs[0]
    return [mean, difference] if own else []


def is_square(node: ir.Node) -> bool:
    """Return True if a node computes x², by Mul(x, x) or by Pow with the constant 2."""
    return _exponent(node) == 2 or (node.op_type == "Mul" and node.inputs[0] is node.inputs[1])


def _after_root(root: ir.Node) -> list[ir.Node]:
    """Return the arithmetic with constants after a root, and its final division or product."""
    nodes: list[ir.Node] = []
    node = edit.sole_consumer(root.outputs[0])
    while node is not None and (_by_a_number(node) or _prepares_divisor(node)):
        nodes.append(node)
        node = edit.sole_consumer(node.outputs[0])
    if node is not None and node.op_type in ("Div", "Mul"):
        nodes.append(node)
    return nodes


def _prepares_divisor(node: ir.Node) -> bool:
    if node.op_type not in (*BOUNDS, "Reciprocal"):
        return False
    given = [value for value in node.inputs if value is not None]
    return sum(not edit.is_constant(value) for value in given) == 1


def _by_a_number(node: ir.Node) -> bool:
    if node.op_type not in AFFINE:
        return False
    constants = [value for value in node.inputs if edit.is_constant(value)]
    return len(constants) == 1 and edit.contents(constants[0]).size == 1
