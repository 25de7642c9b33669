"""Row ranges of operators that combine elements: elementwise, along axes, and in products."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.receptive_field.row_dependence import (
    MAX_ELEMENTS,
    NotKnownError,
    RowRanges,
    Shape,
    merged,
    numbers,
    union,
)

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[np.int64]


def pointwise(_node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the image rows that each output element of an elementwise operator depends on.

    They reach from the least first to the greatest last row of its broadcast operands; exact.
    Row ranges hold the first and last image row that each element depends on: `sources` those
    of all inputs in order, the result those of the output, of static shape `shape`.
    """
    return union(sources, shape)


def of_first(_node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of the first operand, for an operator elementwise in it; exact.

    The other operands must not depend on the image. Row ranges hold the first and last image
    row that each element depends on: `sources` those of all inputs in order, the result those
    of the output, of static shape `shape`.

    Raises:
        NotKnownError: another operand depends on the image.

    """
    if any(not source.nothing for source in sources[1:]):
        raise NotKnownError
    return RowRanges(shape, sources[0].first, sources[0].last)


def along(axes: Callable[[ir.Node, int], Sequence[int]]) -> Callable[..., RowRanges]:
    """Return the rule of an operator, such as Softmax, that combines all elements along some axes.

    A rule takes a node, the row ranges of its inputs (the first and last image row that each
    element depends on) and its output shape, and returns the row ranges of its output. By this rule
    every element depends on all rows of its elements along the axes. It raises NotKnownError if an
    input other than the first depends on the image.

    Args:
        axes: function that takes the node and the rank of its first input, and returns axes from 0
            or, negative, from the end.
    """

    def rule(node: ir.Node, sources: list[RowRanges], _shape: Shape) -> RowRanges:
        if any(not source.nothing for source in sources[1:]):
            raise NotKnownError
        return merged(sources[0], axes(node, len(sources[0].shape)))

    return rule


def one_axis(default: int) -> Callable[[ir.Node, int], Sequence[int]]:
    """Return a function, for `along`, that returns the `axis` attribute of a node as a list.

    The axis may be negative; `default` is used where the attribute is absent.
    """
    return lambda node, _rank: [node.attributes.get_int("axis", default)]


def from_axis(node: ir.Node, rank: int) -> Sequence[int]:
    """Return the axes from the `axis` attribute of a node to the last, for `along`.

    They count from 0. Without the attribute it is the last axis alone. `rank` is that of the input.
    """
    return range(node.attributes.get_int("axis", -1) % rank, rank)


def all_but_the_first(_node: ir.Node, rank: int) -> Sequence[int]:
    """Return the axes 1 … rank − 1, all but the batch, for `along`."""
    return range(1, rank)


def stated_axis(node: ir.Node, _rank: int) -> Sequence[int]:
    """Return the axes that the second input of a node states, as of CumSum, for `along`.

    Negative ones are kept.

    Raises:
        NotKnownError: the input is absent or computed.
    """
    return [int(axis) for axis in np.reshape(numbers(node, 1), -1)]


def reduced(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the image rows that each output element of a reduction depends on.

    They are united over the reduced axes, which are dropped if `keepdims` is 0. Row ranges hold
    the first and last image row that each element depends on: `sources` those of all inputs in
    order, the result those of the output, of static shape `shape`.

    Raises:
        NotKnownError: the axes are computed.

    """
    source, rank = sources[0], len(sources[0].shape)
    axes = _reduced_axes(node, rank)
    joined = merged(source, axes)
    if node.attributes.get_int("keepdims", 1):
        return RowRanges(shape, joined.first, joined.last)
    gone = tuple(axis % rank for axis in axes)
    return joined.each(lambda rows: np.squeeze(rows, axis=gone), shape)


def _reduced_axes(node: ir.Node, rank: int) -> list[int]:
    if node.op_type in ("ArgMax", "ArgMin"):
        return [node.attributes.get_int("axis", 0)]
    stated = list(node.attributes.get_ints("axes", []))
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        stated = [int(axis) for axis in np.reshape(numbers(node, 1), -1)]
    if stated:
        return stated
    return [] if node.attributes.get_int("noop_with_empty_axes", 0) else list(range(rank))


def matrix_product(_node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the image rows that each element of a MatMul depends on.

    They are those of a left row and a right column, united over the summed axis. Of products of
    more than MAX_ELEMENTS (2²²) elements also the columns are united, which widens the ranges
    but never narrows them. Row ranges hold the first and last image row that each element
    depends on: `sources` those of all inputs in order, the result those of the output, of
    static shape `shape`.
    """
    left, right = sources
    rows = merged(left, [-1]) if len(left.shape) > 1 else merged(left, [0])
    columns = merged(right, [-2 if len(right.shape) > 1 else 0])
    one = rows.each(lambda r: r[..., 0] if len(right.shape) == 1 else r, rows.shape)
    other = columns.each(lambda r: r[0] if len(right.shape) == 1 else r, columns.shape)
    if len(left.shape) == 1:
        other = other.each(lambda r: r[..., 0, :] if r.ndim > 1 else r, other.shape)
    size = math.prod(np.broadcast_shapes(one.first.shape, other.first.shape))
    if size > MAX_ELEMENTS:
        other = merged(other, [-1])
    return union([one, other], shape)


def gemm(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the image rows that each element of a Gemm depends on: left row, right column, bias.

    Rows are united over the summed axis; `transA` and `transB` are applied first. Row ranges
    hold the first and last image row that each element depends on: `sources` those of all
    inputs in order, the result those of the output, of static shape `shape`.
    """
    left, right, *bias = sources
    if node.attributes.get_int("transA", 0):
        left = left.each(np.transpose, left.shape[::-1])
    if node.attributes.get_int("transB", 0):
        right = right.each(np.transpose, right.shape[::-1])
    return union([merged(left, [1]), merged(right, [0]), *bias], shape)


def einsum(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the image rows that each element of an Einsum depends on.

    They are united over the operands, and over the letters that the result lacks. Row ranges
    hold the first and last image row that each element depends on: `sources` those of all
    inputs in order, the result those of the output, of static shape `shape`.

    Raises:
        NotKnownError: the equation has an ellipsis, a letter twice in a term, or no "->".

    """
    equation = (node.attributes.get_string("equation") or "").replace(" ", "")
    if "..." in equation or "->" not in equation:
        raise NotKnownError
    terms, result = equation.split("->")
    named = list(zip(terms.split(","), sources, strict=True))
    if any(len(set(term)) != len(term) for term in (*terms.split(","), result)):
        raise NotKnownError
    return union([_term(source, term, result, shape) for term, source in named], shape)


def _term(source: RowRanges, term: str, result: str, shape: Shape) -> RowRanges:
    """Return an Einsum operand merged over its summed axes, with the result's axes."""
    summed = tuple(axis for axis, letter in enumerate(term) if letter not in result)
    kept = [letter for letter in term if letter in result]
    order = sorted(range(len(kept)), key=lambda index: result.index(kept[index]))
    gaps = tuple(index for index, letter in enumerate(result) if letter not in kept)

    def laid_out(rows: Rows) -> Rows:
        return np.expand_dims(np.squeeze(rows, axis=summed).transpose(order), gaps)

    return merged(source, summed).each(laid_out, shape)
