"""Lowering of Concat, Split, Slice and pixel shuffles to Core ML.

All are exact if input and result have one unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import LoweringContext, Variable, mb
from edge_imgq.graph.network import Operation

END = 2**31 - 1


@dataclass(frozen=True)
class Cut:
    """The elements that a Slice takes along one axis: every `step`-th from `first` up to `last`.

    Attributes:
        axis: counted from the front.
        first: first index, after the axis is reversed if `reverse`.
        last: end index, exclusive; at least the axis length if the slice runs to the end.
        step: positive.
        reverse: True if the slice runs backwards.
    """

    axis: int
    first: int
    last: int
    step: int
    reverse: bool


def concat(context: LoweringContext) -> Variable:
    """Lower Concat to concat along one axis, in float16, divided by `context.unit`.

    The scale is 1 in a float file. The axis is the second by default; negative ones count from the
    end. Exact for operands at the result's scale; others are rounded to float16.
    """
    values = [context.read(index) for index in range(len(context.operation.inputs))]
    return mb.concat(values=values, axis=context.attribute("axis", 1))


def split(context: LoweringContext) -> Any:
    """Lower Split along one axis to split, with the lengths of the outputs.

    The axis is the first by default; negative ones count from the end. One output is the input
    itself. Exact if input and result have one scale.

    Returns:
        A tuple of variables, one per output.
    """
    axis = context.attribute("axis", 0)
    sizes = [tensor.shape[axis] for tensor in context.operation.outputs]
    if len(sizes) == 1:
        return (context.read(0),)
    return mb.split(x=context.read(0), split_sizes=sizes, axis=axis)


def slice_(context: LoweringContext) -> Variable:
    """Lower Slice with constant bounds to slice_by_index, after a reverse for negative steps.

    A bound at an end of its axis is masked, so the slice follows a resized input. Exact if input
    and result have one scale. `refuse_slice` refuses computed bounds.
    """
    x, cuts = context.read(0), _cuts(context.operation)
    reversed_axes = [cut.axis for cut in cuts if cut.reverse]
    if reversed_axes:
        x = mb.reverse(x=x, axes=reversed_axes)
    begin, end, stride = [0] * x.rank, [0] * x.rank, [1] * x.rank
    no_begin, no_end = [True] * x.rank, [True] * x.rank
    for cut in cuts:
        axis, size = cut.axis, x.shape[cut.axis]
        begin[axis], end[axis], stride[axis] = cut.first, cut.last, cut.step
        no_begin[axis] = cut.first == 0
        no_end[axis] = cut.last >= size
    return mb.slice_by_index(
        x=x, begin=begin, end=end, stride=stride, begin_mask=no_begin, end_mask=no_end
    )


def refuse_slice(operation: Operation) -> str | None:
    """Return a reason, a clause, if the bounds of a Slice are computed, else None."""
    if any(tensor is not None and tensor.data is None for tensor in operation.inputs[1:]):
        return "its bounds are computed at run time; export the model at one size"
    return None


def _cuts(operation: Operation) -> list[Cut]:
    """Return the elements that a Slice takes along each of its axes."""

    def integers(index: int, default: Sequence[int]) -> list[int]:
        tensor = operation.inputs[index] if len(operation.inputs) > index else None
        data = default if tensor is None or tensor.data is None else tensor.data
        return [int(value) for value in np.asarray(data).reshape(-1)]

    starts, ends = integers(1, ()), integers(2, ())
    axes = integers(3, range(len(starts)))
    steps = integers(4, [1] * len(starts))
    shape = operation.operand(0).shape
    return [
        _cut(axis % len(shape), shape[axis], first, last, step)
        for axis, first, last, step in zip(axes, starts, ends, steps, strict=True)
    ]


def _cut(axis: int, size: int, first: int, last: int, step: int) -> Cut:
    if step > 0:
        # Bounds counted from the end stay so, and hold at other sizes.
        first = 0 if first < -size else first
        return Cut(axis, first, min(last, END), step, reverse=False)
    taken = range(size)[slice(first, None if last < -size else last, step)]
    return Cut(axis, size - 1 - taken[0], size - taken[-1], -step, reverse=True)


def depth_to_space(context: LoweringContext) -> Variable:
    """Lower DepthToSpace of (N, b² · C, H, W) to depth_to_space, or to pixel_shuffle in mode CRD.

    The result is (N, C, b · H, b · W). Input channels are ordered (block row, block column, C) in
    mode DCR, the default, and (C, block row, block column) in mode CRD. Exact if input and result
    have one scale.
    """
    block = context.attribute("blocksize", 1)
    if context.attribute("mode", "DCR") == "CRD":
        return mb.pixel_shuffle(x=context.read(0), upscale_factor=block)
    return mb.depth_to_space(x=context.read(0), block_size=block)


def space_to_depth(context: LoweringContext) -> Variable:
    """Lower SpaceToDepth of (N, C, b · H, b · W) to space_to_depth, or pixel_unshuffle in mode CRD.

    The result is (N, b² · C, H, W), its channels ordered (block row, block column, C) in mode DCR,
    the default, and (C, block row, block column) in mode CRD. Exact if input and result have one
    scale.
    """
    block = context.attribute("blocksize", 1)
    if context.attribute("mode", "DCR") == "CRD":
        return mb.pixel_unshuffle(x=context.read(0), downscale_factor=np.uint32(block))
    return mb.space_to_depth(x=context.read(0), block_size=block)
