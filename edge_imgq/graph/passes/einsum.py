"""Einsum of two operands as the product that it is.

With the axes of the operands sorted into those that both have and the result keeps (b), those that
only the left has (l), only the right has (r), and those summed (s),

    Einsum(x, y) = back to order (MatMul(x as (b, l, s), y as (b, s, r))).

An image times a constant matrix over its channels, bchw,oc→bohw, is a 1×1 convolution, and a
constant matrix over the last axis stays the right side of a MatMul.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import onnx_ir as ir

from edge_imgq.graph import edit


def einsum(model: ir.Model) -> int:
    """Rewrite Einsum of two operands whose letters each stand once in an operand; exact.

    Returns:
        The number of nodes rewritten.
    """
    nodes = [node for node in model.graph if node.op_type == "Einsum"]
    return sum(_rewrite(model.graph, node) for node in nodes)


def _rewrite(graph: ir.Graph, node: ir.Node) -> bool:
    equation = node.attributes.get_string("equation", "") or ""
    terms, arrow, result = equation.replace(" ", "").partition("->")
    letters = terms.split(",")
    if not arrow or "." in equation or len(letters) != 2 or len(node.inputs) != 2:
        return False
    if any(len(set(term)) != len(term) for term in (*letters, result)):
        return False
    made = (
        _pointwise(graph, node, letters, result)
        or _rows(graph, node, letters, result)
        or _product(graph, node, letters, result)
    )
    if made is None:
        return False
    made.shape = node.outputs[0].shape
    edit.take_place(node.outputs[0], made)
    edit.remove_node(node)
    return True


def _pointwise(graph: ir.Graph, node: ir.Node, letters: list[str], result: str) -> ir.Value | None:
    image, matrix = node.inputs
    left, right = letters
    if image is None or not edit.is_constant(matrix) or len(left) != 4 or len(right) != 2:
        return None
    taken = left[1]
    given = right.replace(taken, "")
    if taken not in right or result != left[0] + given + left[2:]:
        return None
    weight = edit.contents(matrix)
    weight = weight if right == given + taken else weight.T
    return edit.insert_convolution(graph, node, image, weight, f"{node.name}.pointwise")


def _rows(graph: ir.Graph, node: ir.Node, letters: list[str], result: str) -> ir.Value | None:
    """Return the product of the last axis with a constant matrix."""
    rows, matrix = node.inputs
    left, right = letters
    if rows is None or not edit.is_constant(matrix) or len(right) != 2 or left[-1] not in right:
        return None
    given = right.replace(left[-1], "")
    if given in left or result != left[:-1] + given:
        return None
    weight = edit.contents(matrix)
    table = weight if right == left[-1] + given else weight.T
    constant = edit.add_constant(graph, f"{node.name}.matrix", table)
    return edit.insert_node(graph, node, "MatMul", [rows, constant], {}, f"{node.name}.rows")


def _product(graph: ir.Graph, node: ir.Node, letters: list[str], result: str) -> ir.Value | None:
    """Return the product of both operands as (b, l, s) and (b, s, r), brought to order."""
    axes = _axes(node, letters, result)
    if axes is None:
        return None
    name = node.name or "einsum"
    one = _matrix(graph, node, 0, axes, [axes.shared, axes.rows, axes.summed], f"{name}.left")
    other = _matrix(graph, node, 1, axes, [axes.shared, axes.summed, axes.columns], f"{name}.right")
    product = edit.insert_node(graph, node, "MatMul", [one, other], {}, f"{name}.product")
    product.shape = ir.Shape([axes.size(group) for group in (axes.shared, axes.rows, axes.columns)])
    left = axes.shared + axes.rows + axes.columns
    lengths = [axes.lengths[axis] for axis in left]
    whole = edit.insert_reshape(graph, node, product, lengths, f"{name}.whole")
    order = [left.index(axis) for axis in result]
    if order == list(range(len(left))):
        return whole
    return edit.insert_node(graph, node, "Transpose", [whole], {"perm": order}, f"{name}.order")


@dataclass(frozen=True)
class _Axes:
    """The axes of two operands by their letters, in four groups, and how long they are.

    Attributes:
        terms: all axes of each operand.
        shared: of both, kept.
        summed: of both, summed.
        rows: of the left one alone.
        columns: of the right one alone.
        lengths: by letter.
    """

    terms: list[str]
    shared: list[str]
    summed: list[str]
    rows: list[str]
    columns: list[str]
    lengths: dict[str, int]

    def size(self, group: list[str]) -> int:
        """Return how long a group is as one axis."""
        return math.prod(self.lengths[axis] for axis in group)


def _axes(node: ir.Node, letters: list[str], result: str) -> _Axes | None:
    """Return the axes; None where lengths are open, or the equation is no product."""
    left, right = letters
    lengths: dict[str, int] = {}
    for term, value in zip(letters, node.inputs, strict=True):
        if value is None or value.shape is None or not value.shape.is_static():
            return None
        lengths.update(zip(term, value.shape.numpy(), strict=True))
    both = [axis for axis in left if axis in right]
    shared, summed = [a for a in both if a in result], [a for a in both if a not in result]
    rows, columns = [a for a in left if a not in both], [a for a in right if a not in both]
    if set(rows + columns) - set(result) or set(result) - set(left + right):
        return None  # an axis of one operand alone is summed, or one is made up
    return _Axes(letters, shared, summed, rows, columns, lengths)


def _matrix(
    graph: ir.Graph, node: ir.Node, index: int, axes: _Axes, groups: list[list[str]], name: str
) -> ir.Value:
    """Return an operand with its axes in groups, each group as one axis."""
    value, term = node.inputs[index], axes.terms[index]
    wanted = [axis for group in groups for axis in group]
    if list(term) != wanted:
        order = [term.index(axis) for axis in wanted]
        value = edit.insert_node(graph, node, "Transpose", [value], {"perm": order}, name)
        value.shape = ir.Shape([axes.lengths[axis] for axis in wanted])
    sizes = [axes.size(group) for group in groups]
    return edit.insert_reshape(graph, node, value, sizes, f"{name}.matrix")
