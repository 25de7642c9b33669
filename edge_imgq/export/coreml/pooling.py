"""Lowering of pooling to Core ML, of (N, C, spatial axes …) in float16."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.export.coreml.convolution import sides, window_padding
from edge_imgq.export.coreml.integer_units import LoweringContext, Variable, mb, to_float16
from edge_imgq.graph.network import Operation

if TYPE_CHECKING:
    from numpy.typing import NDArray


LOWEST = np.finfo(np.float16).min


def max_pool(context: LoweringContext) -> Variable:
    """Lower MaxPool of (N, C, spatial axes …) to max_pool, in float16.

    Values are divided by `context.unit`, 1 in a float file. Exact if input and result have one
    scale. Rows added by `ceil_mode` are padding, which is never the maximum. A dilated window,
    which Core ML lacks, becomes the maximum of shifted slices along each axis. `refuse_pool` says
    which uses this does not cover.
    """
    operation, x = context.operation, context.read(0)
    kernel, strides = _window(operation)
    pads = sides(_covering(operation))
    if set(_dilations(operation)) == {1}:
        return mb.max_pool(x=x, kernel_sizes=kernel, strides=strides, pad_type="custom", pad=pads)
    x = mb.pad(x=x, pad=[0] * 4 + pads, mode="constant", constant_val=LOWEST)
    for axis, dilation in enumerate(_dilations(operation)):
        length = (operation.output.shape[2 + axis] - 1) * strides[axis] + 1
        shifts = [_shifted(x, 2 + axis, tap * dilation, length) for tap in range(kernel[axis])]
        x = functools.reduce(lambda one, other: mb.maximum(x=one, y=other), shifts)
    stride = (1, 1, *strides)
    return mb.slice_by_index(x=x, begin=[0] * x.rank, end=list(x.shape), stride=stride)


def _shifted(x: Any, axis: int, first: int, length: int) -> Any:
    begin, end = [0] * x.rank, list(x.shape)
    begin[axis], end[axis] = first, first + length
    return mb.slice_by_index(x=x, begin=begin, end=end)


def average_pool(context: LoweringContext) -> Variable:
    """Lower AveragePool of (N, C, spatial axes …) to avg_pool, in float16.

    Values are divided by `context.unit`, 1 in a float file. Means are rounded to float16. Padding
    counts, as zeros, only with `count_include_pad`. Means that avg_pool counts differently
    (dilated, or windows beyond the padding) become a depthwise convolution with ones, times 1/taps
    of each position, which rounds twice. `refuse_pool` says which uses this does not cover.
    """
    operation = context.operation
    kernel, strides = _window(operation)
    counted = bool(context.attribute("count_include_pad", 0))
    begins, ends = window_padding(operation)
    covering = _covering(operation)
    if set(_dilations(operation)) == {1} and covering == (begins, ends):
        return mb.avg_pool(
            x=context.read(0),
            kernel_sizes=kernel,
            strides=strides,
            pad_type="custom",
            pad=sides(covering),
            exclude_padding_from_average=not counted,
        )
    channels = operation.operand(0).shape[1]
    ones = np.ones((channels, 1, *kernel), np.float16)
    total = mb.conv(
        x=context.read(0),
        weight=ones,
        strides=strides,
        dilations=_dilations(operation),
        groups=channels,
        pad_type="custom",
        pad=sides(covering),
    )
    return mb.mul(x=total, y=to_float16(1.0 / _taps(operation), operation.name))


def global_average_pool(context: LoweringContext) -> Variable:
    """Lower GlobalAveragePool of (N, C, spatial axes …) to reduce_mean, kept as (N, C, 1, …).

    Values are float16 divided by `context.unit`, 1 in a float file; the mean is rounded to float16.
    """
    x = context.read(0)
    return mb.reduce_mean(x=x, axes=list(range(2, x.rank)), keep_dims=True)


def refuse_pool(operation: Operation) -> str | None:
    """Return the reason why a pooling cannot be lowered, or None if it can.

    It needs one to three spatial axes; and a MaxPool must not return indices.
    """
    if not 3 <= len(operation.operand(0).shape) <= 5:
        return "only images with one to three spatial axes are pooled"
    if len(operation.outputs) > 1 and operation.outputs[1].name:
        return "its indices are used, which Core ML's max_pool does not return; unpool otherwise"
    return None


def _window(operation: Operation) -> tuple[tuple[int, ...], tuple[int, ...]]:
    kernel = operation.attributes["kernel_shape"]
    return kernel, operation.attributes.get("strides", (1,) * len(kernel))


def _dilations(operation: Operation) -> tuple[int, ...]:
    kernel = operation.attributes["kernel_shape"]
    return tuple(operation.attributes.get("dilations", (1,) * len(kernel)))


def _covering(operation: Operation) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the padding that contains every window required by `ceil_mode`."""
    begins, ends = window_padding(operation)
    if not operation.attributes.get("ceil_mode", 0):
        return begins, ends
    kernel, strides = _window(operation)
    image, output = operation.operand(0).shape[2:], operation.output.shape[2:]
    reaches = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(output, strides, kernel, _dilations(operation), strict=True)
    ]
    more = zip(reaches, image, begins, ends, strict=True)
    return begins, tuple(max(reach - size - begin, end) for reach, size, begin, end in more)


def _taps(operation: Operation) -> NDArray[np.float64]:
    """Return the number of elements in each mean, shape (1, 1, *output)."""
    kernel, strides = _window(operation)
    begins, ends = window_padding(operation)
    image, output = operation.operand(0).shape[2:], operation.output.shape[2:]
    counts: NDArray[np.float64] = np.ones((1, 1), np.float64)
    for axis, taps in enumerate(kernel):
        positions = np.arange(output[axis])[:, np.newaxis] * strides[axis] - begins[axis]
        positions = positions + np.arange(taps) * _dilations(operation)[axis]
        low, high = 0, image[axis]
        if operation.attributes.get("count_include_pad", 0):
            low, high = -begins[axis], image[axis] + ends[axis]
        inside = ((positions >= low) & (positions < high)).sum(axis=1)
        counts = counts[..., np.newaxis] * inside
    assert math.prod(counts.shape) == math.prod(output)
    return counts
