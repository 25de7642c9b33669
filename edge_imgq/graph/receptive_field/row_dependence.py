"""Which rows of the image every element of a value depends on, operator by operator.

A value is followed along one axis of the image, height or width, as two arrays: the first and the
last row that each of its elements sees. They have the rank of the value and length 1 along every
axis on which nothing depends, so that an ordinary feature map costs as many numbers as it has rows.
Between the first and the last row all are taken to be seen; a result never sees less than it does.

Windows, shuffles, slices, reshapes to windows and their way back are followed exactly; sums over an
axis see what any of its elements sees.
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
"""First row of what sees none; its last row is the negative."""


MOST = 1 << 22
"""Longer arrays are joined along their last axis: less exact, never wrong."""


Shape = tuple[int, ...]


@dataclass(frozen=True)
class Seen:
    """What a value sees.

    Attributes:
        shape: of the value.
        first: first row that each element sees; every axis has the value's length or 1.
        last: last row, as `first`.
    """

    shape: Shape
    first: Rows
    last: Rows

    @property
    def nothing(self) -> bool:
        """Whether no element depends on the image."""
        return bool((self.first > self.last).all())

    def each(self, change: Callable[[Rows], Rows], shape: Shape) -> Seen:
        """Return the value after a move of elements that both arrays undergo."""
        return Seen(shape, change(self.first), change(self.last))


class NotKnownError(Exception):
    """What an operator looks at does not follow from its graph."""


def constant(shape: Shape) -> Seen:
    """Return what a value sees that does not depend on the image."""
    ones = (1,) * len(shape)
    return Seen(shape, np.full(ones, NONE), np.full(ones, -NONE))


def image(shape: Shape, axis: int) -> Seen:
    """Return what the image itself sees along an axis."""
    rows = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return Seen(shape, rows, rows)


def shape_of(value: ir.Value | None) -> Shape:
    """Return the shape of a value of a bound graph."""
    if value is None or value.shape is None or not value.shape.is_static():
        return ()
    return tuple(int(length) for length in value.shape.numpy())


def merged(seen: Seen, axes: Sequence[int]) -> Seen:
    """Return a value each of whose elements sees what any along some axes sees."""
    places = tuple(axis % max(len(seen.shape), 1) for axis in axes)
    if not places or not seen.shape:
        return seen
    return Seen(
        seen.shape,
        seen.first.min(axis=places, keepdims=True),
        seen.last.max(axis=places, keepdims=True),
    )


def union(sources: Sequence[Seen], shape: Shape) -> Seen:
    """Return what elements see that are computed from one of each source, broadcast."""
    first, last = sources[0].first, sources[0].last
    for other in sources[1:]:
        first, last = np.minimum(first, other.first), np.maximum(last, other.last)
    missing = len(shape) - first.ndim
    pad = (1,) * max(missing, 0)
    return Seen(shape, first.reshape(pad + first.shape), last.reshape(pad + last.shape))


def numbers(node: ir.Node, index: int) -> NDArray[np.int64]:
    """Return a constant input that states places or lengths."""
    value = node.inputs[index] if index < len(node.inputs) else None
    if not is_constant(value):
        raise NotKnownError
    return np.asarray(contents(value))


def compacted(seen: Seen) -> Seen:
    """Return a value without the axes on which nothing depends."""
    first, last = seen.first, seen.last
    for axis, side in enumerate(first.shape):
        one, other = first.take([0], axis), last.take([0], axis)
        if side > 1 and (first == one).all() and (last == other).all():
            first, last = one, other
    return Seen(seen.shape, first, last)


def at_places(seen: Seen, axis: int, places: Sequence[NDArray[np.int64]]) -> Seen:
    """Return what sees, along an axis, all of some places; places outside see nothing."""
    length = seen.first.shape[axis]
    blank = [(0, int(a == axis)) for a in range(seen.first.ndim)]
    first = np.pad(seen.first, blank, constant_values=NONE)
    last = np.pad(seen.last, blank, constant_values=-NONE)
    found = [np.where((at < 0) | (at >= length), length, at) for at in places]
    least, most = first.take(found[0], axis), last.take(found[0], axis)
    for at in found[1:]:
        least = np.minimum(least, first.take(at, axis))
        most = np.maximum(most, last.take(at, axis))
    return Seen(seen.shape, least, most)
