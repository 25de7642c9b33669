"""Image rows that each element of a value depends on.

Along one image axis, height or width, a value has two arrays: the first and last row of each
element. They have the rank of the value, and length 1 along every axis on which they are constant,
so an ordinary feature map takes as many numbers as it has rows. All rows between first and last
count as read, so the range is an upper bound and never too small.

Windows, shuffles, slices and reshapes to windows and back are exact. Reductions over an axis take
the union of its elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.edit import contents, is_constant

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[np.int64]

NONE = 1 << 40
"""First row of an element that depends on none; its last row is −NONE."""


MAX_ELEMENTS = 1 << 22
"""Largest size of the arrays; longer ones are merged along their last axis.

Merging widens the ranges.
"""


Shape = tuple[int, ...]


@dataclass(frozen=True)
class RowRanges:
    """The first and last image row that each element of a value depends on.

    Rows count from 0, along height or width. All rows between count as read, so a range is never
    too small.

    Attributes:
        shape: shape of the value.
        first: int64, first row of each element, of the value's rank; each axis has the value's
            length, or 1 where all elements along it are alike. NONE (2⁴⁰) for an element that
            depends on no row.
        last: int64, last row of each element, of the shape of `first`; −NONE for no row.
    """

    shape: Shape
    first: Rows
    last: Rows

    @property
    def nothing(self) -> bool:
        """True if no element depends on the image."""
        return bool((self.first > self.last).all())

    def each(self, change: Callable[[Rows], Rows], shape: Shape) -> RowRanges:
        """Return the row ranges of a value of `shape` whose elements are those of this one, moved.

        `change` is applied to `first` and to `last`. Each may have length 1 along axes on which it
        is constant, and so may what `change` returns, of the rank of `shape`.
        """
        return RowRanges(shape, change(self.first), change(self.last))


class NotKnownError(Exception):
    """The row ranges of an operator do not follow from its graph."""


def constant(shape: Shape) -> RowRanges:
    """Return the row ranges of a value of `shape` that does not depend on the image.

    Both arrays have length 1 along every axis; `first` is NONE (2⁴⁰), `last` −NONE.
    """
    ones = (1,) * len(shape)
    return RowRanges(shape, np.full(ones, NONE), np.full(ones, -NONE))


def image(shape: Shape, axis: int, stride: int = 1) -> RowRanges:
    """Return the ranges of an input along an axis: index i depends on image row `stride` × i alone.

    Both arrays have length 1 along the other axes. `stride` is 1 for the image, and the number of
    image rows per row for a plane of a fraction of its size.
    """
    rows = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return RowRanges(shape, stride * rows, stride * rows)


def shape_of(value: ir.Value | None) -> Shape:
    """Return the static shape of a value; () if it is absent, a scalar, or of open shape."""
    if value is None or value.shape is None or not value.shape.is_static():
        return ()
    return tuple(int(length) for length in value.shape.numpy())


def merged(ranges: RowRanges, axes: Sequence[int]) -> RowRanges:
    """Return row ranges in which every element depends on all rows of its elements along some axes.

    That is the least first and the greatest last row along them. Merged axes are kept, with length
    1 in the arrays; `shape` is unchanged. Negative axes count from the end.
    """
    indices = tuple(axis % max(len(ranges.shape), 1) for axis in axes)
    if not indices or not ranges.shape:
        return ranges
    return RowRanges(
        ranges.shape,
        ranges.first.min(axis=indices, keepdims=True),
        ranges.last.max(axis=indices, keepdims=True),
    )


def union(sources: Sequence[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a result whose elements depend on those of several operands.

    `sources` holds the operands' ranges; the result has the least first and the greatest last row
    of them. Operands are broadcast and aligned at their last axes, as in NumPy; `shape` is that of
    the result.
    """
    first, last = sources[0].first, sources[0].last
    for other in sources[1:]:
        first, last = np.minimum(first, other.first), np.maximum(last, other.last)
    missing = len(shape) - first.ndim
    pad = (1,) * max(missing, 0)
    return RowRanges(shape, first.reshape(pad + first.shape), last.reshape(pad + last.shape))


def numbers(node: ir.Node, index: int) -> NDArray[np.int64]:
    """Return constant input `index`, counted from 0, in the shape and dtype as stored.

    Raises:
        NotKnownError: it is absent or computed.
    """
    value = node.inputs[index] if index < len(node.inputs) else None
    if not is_constant(value):
        raise NotKnownError
    return np.asarray(contents(value))


def compacted(ranges: RowRanges) -> RowRanges:
    """Return the same row ranges in smaller arrays: length 1 along axes of equal elements.

    Both arrays must be constant along such an axis. `shape` is unchanged. Exact.
    """
    first, last = ranges.first, ranges.last
    for axis, side in enumerate(first.shape):
        one, other = first.take([0], axis), last.take([0], axis)
        if side > 1 and (first == one).all() and (last == other).all():
            first, last = one, other
    return RowRanges(ranges.shape, first, last)


def at_indices(ranges: RowRanges, axis: int, indices: Sequence[NDArray[np.int64]]) -> RowRanges:
    """Return the ranges of a window operator: the union of those at several indices along an axis.

    Each array of `indices`, int64 (output length,), holds for every output index the source index,
    from 0, that one tap reads; indices outside contribute nothing. Along the axis the arrays of
    `ranges` must have their full length. `shape` is unchanged; the caller sets that of the output.
    """
    length = ranges.first.shape[axis]
    blank = [(0, int(a == axis)) for a in range(ranges.first.ndim)]
    first = np.pad(ranges.first, blank, constant_values=NONE)
    last = np.pad(ranges.last, blank, constant_values=-NONE)
    clamped = [np.where((at < 0) | (at >= length), length, at) for at in indices]
    least, most = first.take(clamped[0], axis), last.take(clamped[0], axis)
    for at in clamped[1:]:
        least = np.minimum(least, first.take(at, axis))
        most = np.maximum(most, last.take(at, axis))
    return RowRanges(ranges.shape, least, most)
