"""Lowering of operators that move elements without arithmetic to Core AI. All are exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai, constant

PAD_MODES = {"reflect": "reflect", "replicate": "replicate"}
"""Core AI's padding modes other than constant, by MIL name."""


def concat(arguments: Arguments) -> Any:
    """Lower `concat` of the tensors `values` along `axis`, which may be negative. Exact."""
    axis = int(arguments.number("axis")) % len(arguments.shape)
    return ai.concat(np.int32(axis), arguments.all_values("values"))


def split(arguments: Arguments) -> list[Any]:
    """Lower `split` of x along `axis` to one slice per result, of its length. Exact.

    `axis` may be negative. Returns the list of Core AI values.
    """
    axis = int(arguments.number("axis")) % len(arguments.shape)
    slices, first = [], 0
    for result in arguments.operation.outputs:
        begins, ends = [0] * result.rank, list(arguments.shape_of("x"))
        begins[axis], ends[axis] = first, first + result.shape[axis]
        first = ends[axis]
        slices.append(sliced(arguments.value("x"), begins, ends))
    return slices


def slice_by_index(arguments: Arguments) -> Any:
    """Lower `slice_by_index`: every axis from `begin` up to `end` by `stride`. Exact.

    All are constants, one per axis. Strides are positive, by default 1. Negative indices count from
    the end; `begin_mask` and `end_mask` extend a slice to the first or last element. `squeeze_mask`
    is not read.
    """
    shape = arguments.shape_of("x")
    nothing = [0] * len(shape)
    strides = arguments.integers("stride", [1] * len(shape))
    no_begin, no_end = (arguments.integers(f"{k}_mask", nothing) for k in ("begin", "end"))
    begins = _within(arguments.integers("begin"), no_begin, shape, nothing)
    ends = _within(arguments.integers("end"), no_end, shape, shape)
    return sliced(arguments.value("x"), begins, ends, strides)


def _within(
    bounds: Sequence[int], masked: Sequence[int], shape: Sequence[int], free: Sequence[int]
) -> list[int]:
    """Return bounds counted from the start, at most the length; `free` where a bound is masked."""
    sides = zip(bounds, masked, shape, free, strict=True)
    return [
        unbounded if mask else min(bound + size if bound < 0 else bound, size)
        for bound, mask, size, unbounded in sides
    ]


def sliced(
    x: Any, begins: Sequence[int], ends: Sequence[int], strides: Sequence[int] | None = None
) -> Any:
    """Slice every axis of a Core AI value between two bounds. Exact.

    Args:
        x: Core AI value.
        begins: first index along each axis, counted from the start.
        ends: index after the last, along each axis.
        strides: positive stride along each axis; 1 by default.
    """
    strides = [1] * len(begins) if strides is None else strides
    return ai.slice_(x, *(np.asarray(values, np.int32) for values in (begins, ends, strides)))


def crop(arguments: Arguments) -> Any:
    """Lower `crop`: remove rows and columns at the edges of (N, C, H, W). Exact.

    `crop_height` is (top, bottom), `crop_width` (left, right), in pixels.
    """
    (top, bottom), (left, right) = (
        arguments.integers(key) for key in ("crop_height", "crop_width")
    )
    *_, height, width = shape = arguments.shape_of("x")
    ends = [*shape[:-2], height - bottom, width - right]
    return sliced(arguments.value("x"), [*[0] * (len(shape) - 2), top, left], ends)


def reverse(arguments: Arguments) -> Any:
    """Lower `reverse` of the order of elements along `axes`, by default all. Exact.

    Axes count from the start.
    """
    axes = arguments.integers("axes", range(len(arguments.shape)))
    return ai.reverse(arguments.value("x"), np.asarray(axes, np.int32))


def gather(arguments: Arguments) -> Any:
    """Lower `gather` of constant `indices`, a flat list, along `axis`. Exact.

    The axis gets the list's length. Indices count from the start.
    """
    axis = int(arguments.number("axis")) % len(arguments.shape)
    return taken(arguments.value("x"), arguments.integers("indices"), axis, arguments.shape)


def taken(x: Any, indices: Sequence[int], axis: int, shape: Sequence[int]) -> Any:
    """Take elements at constant indices along an axis: a slice if consecutive, else a gather.

    Exact.

    Args:
        x: Core AI value.
        indices: indices, counted from the start.
        axis: axis along which to take, counted from the start.
        shape: shape of the result.
    """
    differences = np.diff(indices)
    if len(indices) > 1 and (differences == 1).all():
        begins, ends = [0] * len(shape), list(shape)
        begins[axis], ends[axis] = indices[0], indices[-1] + 1
        return sliced(x, begins, ends)
    alike = [1] * len(shape)
    alike[axis] = len(indices)
    table = np.broadcast_to(np.asarray(indices, np.int32).reshape(alike), shape)
    return ai.gather_along_axis(x, constant(table), constant(np.int32(axis)))


def pad(arguments: Arguments) -> Any:
    """Lower `pad` of the last axes: constant (by default with 0), reflect or replicate. Exact.

    `pad` is a flat list of (before, after) pairs for the last axes, first of them first. A constant
    is rounded to the element type of x.

    Raises:
        KeyError: the mode is another one.
    """
    rank, given = len(arguments.shape), arguments.integers("pad")
    amounts = np.asarray([0] * (2 * rank - len(given)) + given, np.uint32)
    own = arguments.type_of("x").type
    mode = arguments.text("mode", "constant")
    if mode == "constant":
        fill = own(arguments.number("constant_val", 0.0))
        return ai.pad(arguments.value("x"), amounts, constant(fill))
    return ai.pad(arguments.value("x"), amounts, constant(own(0)), PAD_MODES[mode])


def transpose(arguments: Arguments) -> Any:
    """Lower `transpose`: axis i of the result is axis perm[i] of x. Exact."""
    return transposed(arguments.value("x"), arguments.integers("perm"))


def transposed(x: Any, order: Sequence[int]) -> Any:
    """Permute the axes of a Core AI value: axis i of the result is axis order[i] of it. Exact."""
    return ai.transpose(x, np.asarray(order, np.uint32))


def reshape(arguments: Arguments) -> Any:
    """Lower `reshape`, `expand_dims` and `squeeze` to a reshape to the static shape. Exact."""
    return reshaped(arguments.value("x"), arguments.shape)


def reshaped(x: Any, shape: Sequence[int]) -> Any:
    """Reshape a value to a static shape; elements keep their order, the last axis fastest."""
    return ai.reshape(x, np.asarray(shape, np.int32))


def tile(arguments: Arguments) -> Any:
    """Lower `tile`: repeat x reps[i] times along axis i; `reps` is constant. Exact."""
    return ai.tile(arguments.value("x"), np.asarray(arguments.integers("reps"), np.uint32))


def pixel_shuffle(arguments: Arguments) -> Any:
    """Lower `pixel_shuffle` of (N, C · r², H, W) to (N, C, r · H, r · W), exactly.

    r is `upscale_factor`. Input channels are ordered (C, block row, block column), as in ONNX's
    mode CRD.
    """
    block = int(arguments.number("upscale_factor"))
    n, channels, height, width = arguments.shape_of("x")
    split_shape = [channels // block**2, block, block, height, width]
    return _moved(arguments, n, split_shape, [0, 3, 1, 4, 2])


def depth_to_space(arguments: Arguments) -> Any:
    """Lower `depth_to_space` of (N, b² · C, H, W) to (N, C, b · H, b · W), exactly.

    b is `block_size`. Input channels are ordered (block row, block column, C), as in ONNX's mode
    DCR.
    """
    block = int(arguments.number("block_size"))
    n, channels, height, width = arguments.shape_of("x")
    split_shape = [block, block, channels // block**2, height, width]
    return _moved(arguments, n, split_shape, [2, 3, 0, 4, 1])


def pixel_unshuffle(arguments: Arguments) -> Any:
    """Lower `pixel_unshuffle` of (N, C, r · H, r · W) to (N, C · r², H, W), exactly.

    r is `downscale_factor`. Result channels are ordered (C, block row, block column); it is the
    inverse of `pixel_shuffle`.
    """
    return _to_depth(arguments, int(arguments.number("downscale_factor")), [0, 2, 4, 1, 3])


def space_to_depth(arguments: Arguments) -> Any:
    """Lower `space_to_depth` of (N, C, b · H, b · W) to (N, b² · C, H, W), exactly.

    b is `block_size`. Result channels are ordered (block row, block column, C); it is the inverse
    of `depth_to_space`.
    """
    return _to_depth(arguments, int(arguments.number("block_size")), [2, 4, 0, 1, 3])


def _to_depth(arguments: Arguments, block: int, order: Sequence[int]) -> Any:
    n, channels, height, width = arguments.shape_of("x")
    return _moved(arguments, n, [channels, height // block, block, width // block, block], order)


def _moved(
    arguments: Arguments, batch: int, split_shape: Sequence[int], order: Sequence[int]
) -> Any:
    """Reshape to `split_shape`, permute by `order`, and reshape to the result's shape.

    A single image gets no batch axis in between: many units support at most five axes.
    """
    if batch > 1:
        split_shape, order = [batch, *split_shape], [0, *(axis + 1 for axis in order)]
    moved = transposed(reshaped(arguments.value("x"), split_shape), order)
    return reshaped(moved, arguments.shape)
