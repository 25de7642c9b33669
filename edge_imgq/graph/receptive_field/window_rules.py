"""Row ranges of operators that read neighbourhoods: windows and interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.convolution import attributes_of, padding_in
from edge_imgq.graph.edit import contents, is_constant
from edge_imgq.graph.receptive_field.row_dependence import (
    NotKnownError,
    RowRanges,
    Shape,
    at_indices,
    merged,
    shape_of,
)

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[np.int64]


def space_to_depth(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a SpaceToDepth: each output depends on all rows of its block.

    Ranges are united over the channels, so they may be wider than what is read. Row ranges hold
    the first and last image row that each element depends on: `sources` those of all inputs in
    order, the result those of the output, of static shape `shape`.
    """
    block = node.attributes.get_int("blocksize", 1)
    return _windows(merged(sources[0], [1]), shape, [(block, block, 1, 0)] * 2)


def convolution(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a Conv: each output depends on its window, in all channels.

    Grouped channels are united as well, so ranges may be wider than what is read. Row ranges
    hold the first and last image row that each element depends on: `sources` those of all
    inputs in order, the result those of the output, of static shape `shape`.

    Raises:
        NotKnownError: the weights or the bias depend on the image.

    """
    if any(not source.nothing for source in sources[1:]):
        raise NotKnownError
    return _windows(merged(sources[0], [1]), shape, _taps(node, sources))


def pooled(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a pooling: each output depends on its window in its channel; exact.

    Row ranges hold the first and last image row that each element depends on: `sources` those
    of all inputs in order, the result those of the output, of static shape `shape`.
    """
    return _windows(sources[0], shape, _taps(node, sources))


def _taps(node: ir.Node, sources: list[RowRanges]) -> list[tuple[int, int, int, int]]:
    """Return (taps, stride, dilation, padding before) for each spatial axis."""
    before = sources[0].shape[2:]
    kernel = _kernel(node)
    strides = node.attributes.get_ints("strides", [1] * len(kernel))
    dilations = node.attributes.get_ints("dilations", [1] * len(kernel))
    pads = padding_in(node.op_type, attributes_of(node), kernel, before)
    assert pads is not None, "its size is known"
    return [(kernel[i], strides[i], dilations[i], pads[i]) for i in range(len(kernel))]


def _kernel(node: ir.Node) -> list[int]:
    stated = node.attributes.get_ints("kernel_shape")
    return list(stated) if stated is not None else list(shape_of(node.inputs[1])[2:])


def _windows(
    ranges: RowRanges, shape: Shape, taps: Sequence[tuple[int, int, int, int]]
) -> RowRanges:
    for axis, (count, stride, dilation, pad) in enumerate(taps, start=2):
        if ranges.first.shape[axis] > 1:
            indices = np.arange(shape[axis]) * stride - pad
            ranges = at_indices(ranges, axis, [indices + tap * dilation for tap in range(count)])
    return RowRanges(shape, ranges.first, ranges.last)


def deconvolution(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a ConvTranspose: each output depends on the pixels that write to it.

    Ranges are united over all channels, so they may be wider than what is read. Row ranges hold
    the first and last image row that each element depends on: `sources` those of all inputs in
    order, the result those of the output, of static shape `shape`.

    Raises:
        NotKnownError: the weights or the bias depend on the image.

    """
    if any(not source.nothing for source in sources[1:]):
        raise NotKnownError
    ranges, kernel = merged(sources[0], [1]), _kernel(node)
    strides = node.attributes.get_ints("strides", [1] * len(kernel))
    dilations = node.attributes.get_ints("dilations", [1] * len(kernel))
    pads = padding_in(node.op_type, attributes_of(node), kernel, sources[0].shape[2:])
    assert pads is not None, "its size is known"
    for i, taps in enumerate(kernel):
        axis = 2 + i
        if ranges.first.shape[axis] == 1:
            continue
        pad = max(pads[i], 0)
        rest = [np.arange(shape[axis]) + pad - tap * dilations[i] for tap in range(taps)]
        ranges = at_indices(
            ranges, axis, [np.where(r % strides[i], -1, r // strides[i]) for r in rest]
        )
    return RowRanges(shape, ranges.first, ranges.last)


def resized(node: ir.Node, sources: list[RowRanges], shape: Shape) -> RowRanges:
    """Return the row ranges of a Resize: those of the neighbours that are interpolated.

    They may be wider than what is read, never narrower: two neighbours on each side in mode
    cubic, more with antialiasing. Row ranges hold the first and last image row that each
    element depends on: `sources` those of all inputs in order, the result those of the output,
    of static shape `shape`.

    Raises:
        NotKnownError: the mode is tf_crop_and_resize, or parameters depend on the image.

    """
    if any(not source.nothing for source in sources[1:]):
        raise NotKnownError
    mode = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if mode == "tf_crop_and_resize":
        raise NotKnownError
    ranges = sources[0]
    around = {"nearest": 1, "linear": 1, "cubic": 2}[node.attributes.get_string("mode", "nearest")]
    for axis, (before, after) in enumerate(zip(sources[0].shape, shape, strict=True)):
        if ranges.first.shape[axis] == 1 or before == after:
            continue
        wide = node.attributes.get_int("antialias", 0) and before > after
        reach = around * (before / after if wide else 1)
        at = _sampled(mode, before, after, scale_of(node, axis, len(shape)) or after / before)
        lows, highs = np.floor(at - reach) + 1, np.ceil(at + reach) - 1
        exact = node.attributes.get_string("mode", "nearest") == "nearest"
        lows = np.floor(at) if exact else np.minimum(lows, np.floor(at))
        highs = np.ceil(at) if exact else np.maximum(highs, np.ceil(at))
        count = int((highs - lows).max()) + 1
        taps = [np.minimum(lows + tap, highs).clip(0, before - 1) for tap in range(count)]
        ranges = at_indices(ranges, axis, [tap.astype(np.int64) for tap in taps])
    return RowRanges(shape, ranges.first, ranges.last)


def scale_of(node: ir.Node, axis: int, rank: int) -> float | None:
    """Return the scale, output over input length, that a Resize states for an axis.

    None if it states sizes, scales for some axes only, or computed ones. `axis` counts from 0;
    `rank` is that of its input.
    """
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if not is_constant(scales) or contents(scales).size != rank:
        return None
    return float(contents(scales)[axis])


def _sampled(mode: str, before: int, after: int, scale: float) -> NDArray[np.float64]:
    """Return the sampling position in the input of each output index."""
    indices = np.arange(after, dtype=np.float64)
    if mode == "align_corners":
        return indices * (before - 1) / max(after - 1, 1)
    if mode == "asymmetric":
        return indices / scale
    return (indices + 0.5) / scale - 0.5
