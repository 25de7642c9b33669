"""Row ranges of operators that move elements and combine none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.receptive_field.row_dependence import (
    MAX_ELEMENTS,
    RowRanges,
    Shape,
    at_indices,
    compacted,
    merged,
    numbers,
    shape_of,
    union,
)

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[np.int64]


def transposed_axes(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a Transpose, permuted like the elements; exact.

    Without `perm` the axes are reversed. Row ranges hold the first and last image row that each
    element depends on: `sources` those of all inputs in order, the result those of the output,
    of static shape `shape`.
    """
    order = node.attributes.get_ints("perm", range(len(shape))[::-1])
    return sources[0].each(lambda rows: rows.transpose(order), shape)


def reshaped(_node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a Reshape or the like, in the same row-major order of elements.

    Axes before and after are matched in groups of equal element count. Exact, unless a group is too
    large for an array of MAX_ELEMENTS (2²²): ranges are then merged. Row ranges hold the first and
    last image row that each element depends on: `sources` those of all inputs in order, the result
    those of the output, of static shape `shape`.
    """
    source = sources[0]
    before, after = source.shape, shape
    compact: list[int] = []
    reshaped_lengths: list[int] = []
    for old, new in _groups(before, after):
        if all(source.first.shape[axis] == 1 for axis in old):
            compact += [1 for _ in old]
            reshaped_lengths += [1 for _ in new]
        else:
            compact += [before[axis] for axis in old]
            reshaped_lengths += [after[axis] for axis in new]
    if math.prod(compact) > MAX_ELEMENTS:
        return reshaped(_node, [merged(source, [int(np.argmax(compact))])], shape)
    return compacted(
        source.each(lambda rows: np.broadcast_to(rows, compact).reshape(reshaped_lengths), shape)
    )


def _groups(before: Shape, after: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """Yield groups of old and new axes, in order, with equal element counts."""
    i = j = 0
    while i < len(before) or j < len(after):
        old: list[int] = []
        new: list[int] = []
        many = much = 1
        while not (old or new) or many != much:
            if (many <= much and i < len(before)) or j >= len(after):
                old.append(i)
                many, i = many * before[i], i + 1
            else:
                new.append(j)
                much, j = much * after[j], j + 1
        yield old, new


def sliced(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a Slice, sliced alike; exact.

    Starts, ends, axes and steps must be constant. Row ranges hold the first and last image row
    that each element depends on: `sources` those of all inputs in order, the result those of
    the output, of static shape `shape`.

    Raises:
        NotKnownError: one of these is computed.

    """
    starts, ends = (np.reshape(numbers(node, index), -1) for index in (1, 2))
    given = len(node.inputs) > 3 and node.inputs[3] is not None
    axes = np.reshape(numbers(node, 3), -1) if given else np.arange(len(starts))
    stepped = len(node.inputs) > 4 and node.inputs[4] is not None
    steps = np.reshape(numbers(node, 4), -1) if stepped else np.ones(len(starts), np.int64)
    cuts = [slice(None)] * len(shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        length = sources[0].shape[axis]
        if sources[0].first.shape[axis] > 1:
            stop = None if step < 0 and end < -length else int(end)
            cuts[int(axis) % len(shape)] = slice(int(start), stop, int(step))
    return sources[0].each(lambda rows: rows[tuple(cuts)], shape)


def split_outputs(node: ir.Node, sources: list[RowRanges], _shape: Shape) -> list[RowRanges]:
    """Return the row ranges of each output of a Split, in order; exact.

    Output shapes are static; axes and lengths are read from them. Row ranges hold the first and
    last image row that each element depends on: `sources` those of all inputs in order, the
    result those of each output.
    """
    source = sources[0]
    axis = node.attributes.get_int("axis", 0) % len(source.shape)
    ranges, start = [], 0
    for value in node.outputs:
        shape = shape_of(value)
        indices = range(start, start + shape[axis])
        start += shape[axis]
        if source.first.shape[axis] == 1:
            ranges.append(RowRanges(shape, source.first, source.last))
        else:
            ranges.append(source.each(lambda rows, p=indices: rows.take(p, axis), shape))  # type: ignore[misc]
    return ranges


def concatenated(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a Concat, concatenated along its axis; exact.

    Row ranges hold the first and last image row that each element depends on: `sources` those
    of all inputs in order, the result those of the output, of static shape `shape`.
    """
    axis = node.attributes.get_int("axis", 0) % len(shape)
    if all(source.first.shape[axis] == 1 for source in sources):
        return union(sources, shape)
    ranges = []
    for source in sources:
        whole = [max(other.first.shape[index] for other in sources) for index in range(len(shape))]
        whole[axis] = source.shape[axis]
        ranges.append(source.each(lambda rows, w=whole: np.broadcast_to(rows, w), source.shape))  # type: ignore[misc]
    return RowRanges(
        shape,
        np.concatenate([one.first for one in ranges], axis),
        np.concatenate([one.last for one in ranges], axis),
    )


def gathered(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a Gather by constant indices, or from a constant table; exact.

    In the first case they are gathered alike; in the second each element depends on the rows of
    its index. Row ranges hold the first and last image row that each element depends on:
    `sources` those of all inputs in order, the result those of the output, of static shape
    `shape`.

    Raises:
        NotKnownError: the indices are computed, and the table depends on the image.

    """
    source, axis = sources[0], node.attributes.get_int("axis", 0) % len(sources[0].shape)
    if source.nothing:  # a table, looked up by what is computed of the image
        there = len(shape) - axis - len(sources[1].shape)
        return sources[1].each(lambda r: r.reshape((1,) * axis + r.shape + (1,) * there), shape)
    indices = numbers(node, 1)
    if source.first.shape[axis] == 1:
        indices = np.zeros((1,) * indices.ndim, np.int64)
    return source.each(lambda rows: rows.take(indices, axis), shape)


def expanded(_node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of an Expand: those of its first input, broadcast to `shape`; exact.

    Row ranges hold the first and last image row that each element depends on: `sources` those
    of all inputs in order, the result those of the output, of static shape `shape`.
    """
    return union(sources[:1], shape)


def tiled(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a Tile with constant repeats, tiled alike; exact.

    Row ranges hold the first and last image row that each element depends on: `sources` those
    of all inputs in order, the result those of the output, of static shape `shape`.

    Raises:
        NotKnownError: the repeats are computed.

    """
    times = np.reshape(numbers(node, 1), -1)
    counts = [
        int(count) if sources[0].first.shape[axis] > 1 else 1 for axis, count in enumerate(times)
    ]
    return sources[0].each(lambda rows: np.tile(rows, counts), shape)


def depth_to_space(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a DepthToSpace: those of each block's input pixel.

    Ranges are united over the channels, so they may be wider than what is read. Row ranges hold
    the first and last image row that each element depends on: `sources` those of all inputs in
    order, the result those of the output, of static shape `shape`.
    """
    ranges, block = merged(sources[0], [1]), node.attributes.get_int("blocksize", 1)
    for axis in (2, 3):
        if ranges.first.shape[axis] > 1:
            ranges = ranges.each(lambda rows, a=axis: rows.repeat(block, a), shape)  # type: ignore[misc]
    return RowRanges(shape, ranges.first, ranges.last)


def padded(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a Pad of any mode with constant pads and axes; exact.

    Constant padding depends on no row; padding of other modes on the rows that it copies. Row
    ranges hold the first and last image row that each element depends on: `sources` those of all
    inputs in order, the result those of the output, of static shape `shape`.

    Raises:
        NotKnownError: pads or axes are computed.
    """
    ranges, rank = sources[0], len(shape)
    pads = np.reshape(numbers(node, 1), -1)
    given = len(node.inputs) > 3 and node.inputs[3] is not None
    axes = [int(a) % rank for a in np.reshape(numbers(node, 3), -1)] if given else range(rank)
    mode = node.attributes.get_string("mode", "constant")
    for index, axis in enumerate(axes):
        if ranges.first.shape[axis] > 1:
            at = np.arange(shape[axis]) - int(pads[index])
            ranges = at_indices(ranges, axis, [_outside(at, sources[0].shape[axis], mode)])
    return RowRanges(shape, ranges.first, ranges.last)


def _outside(at: NDArray[np.int64], length: int, mode: str) -> NDArray[np.int64]:
    """Return the row that padding copies to each position, in a mode that copies rows."""
    if mode == "edge":
        return at.clip(0, length - 1)
    if mode == "wrap":
        return at % length
    if mode == "reflect":
        period = max(2 * (length - 1), 1)
        turned = at % period
        return np.minimum(turned, period - turned)
    return at
