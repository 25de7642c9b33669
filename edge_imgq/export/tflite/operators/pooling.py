"""Lowering of pooling and of reductions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import stored_axis, stored_values
from edge_imgq.export.tflite.operators.convolution import dense, is_wrong_by_channel
from edge_imgq.export.tflite.operators.padding import padded, unpadded
from edge_imgq.export.tflite.operators.shape import store
from edge_imgq.export.tflite.operators.weights import constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.export.tflite.same_padding import SAME, VALID, PaddedWindow, window
from edge_imgq.graph.network import Operation, Quantization, Tensor
from edge_imgq.graph.read_network import same_quantization

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter

Code = schema.BuiltinOperator

UNIT = 64
"""Integer weight of an int8 mean.

TFLite's kernels round a product twice, first to as few bits as the multiplier is below 1: with a
weight of 1, a quarter of a level becomes one. A power of two does not change XNNPACK's float32
arithmetic.
"""


def max_pool(file: Emitter, operation: Operation) -> None:
    """Lower MaxPool of (N, C, H, W) to MAX_POOL_2D, in float32 or int8.

    Exact, but an int8 input at another scale than the output's is requantized first. The image is
    padded with the lowest value if neither SAME nor VALID is equivalent.

    Raises:
        RefusedError: it returns indices, is dilated or not two-dimensional, or is padded between
            two scales.
    """
    if len(operation.outputs) != 1:
        raise RefusedError("TFLite's pooling returns no indices.")
    spot = _window(operation)
    image = operation.operand(0)
    scale = operation.output.quantization
    if spot.padding is not None:
        source = unpadded(file, image, file.requantized(image, scale))
    elif same_quantization(image.quantization, scale):
        source = padded(file, image, spot.pads, lowest=True)
    else:
        raise RefusedError("its input and output have different scales; give them one.")
    _pool(file, operation, Code.MAX_POOL_2D, source, spot, spot.padding)


def average_pool(file: Emitter, operation: Operation) -> None:
    """Lower AveragePool of (N, C, H, W) to AVERAGE_POOL_2D, or in int8 to a depthwise convolution.

    TFLite's SAME excludes the padding from the mean. If ONNX includes it, a PAD is written. If ONNX
    excludes padding that is not SAME, zeros are counted and the result is multiplied by a constant
    map of taps / pixels; files for NPUs do that for SAME, too. Int8 files exclude padding in
    float32. In float the result is ONNX's up to float32 rounding; the depthwise convolution rounds
    once to the output's scale in XNNPACK.

    Raises:
        RefusedError: it is dilated or not two-dimensional.
    """
    spot = _window(operation)
    image = operation.operand(0)
    padding: int | None = spot.padding
    if operation.attributes.get("count_include_pad", 0) and padding != VALID:
        padding = None
    elif padding is None or (file.options.npu and padding == SAME):
        _uncounted_mean(file, operation, spot)
        return
    source = file.tensor(image) if padding is not None else padded(file, image, spot.pads)
    if image.quantization is not None and padding != SAME:
        _depthwise_mean(file, operation, image.quantization, source, spot)
        return
    if file.options.gpu and padding is None:
        _mean_of_sums(file, operation, source, spot)
        return
    if not same_quantization(image.quantization, operation.output.quantization):
        source = file.requantized(image, operation.output.quantization)
    source = unpadded(file, image, source)
    _pool(file, operation, Code.AVERAGE_POOL_2D, source, spot, padding)


def leaves_padding_out(operation: Operation) -> bool:
    """Return True if a mean excludes padding, which int8 files compute in float32.

    TFLite's integer kernel rounds ties of even pixel counts up; XNNPACK has none. False for windows
    that `average_pool` refuses.
    """
    if operation.kind != "AveragePool" or operation.attributes.get("count_include_pad", 0):
        return False
    try:
        return bool(_window(operation).padding != VALID)
    except RefusedError:
        return False


def _uncounted_mean(file: Emitter, operation: Operation, spot: PaddedWindow) -> None:
    """Write the mean including its padding, times taps / pixels of each window."""
    image, output = operation.operand(0), operation.output
    taps = np.ones((spot.rows.kernel, spot.columns.kernel))
    pixels = np.pad(np.ones(image.shape[2:]), [tuple(side) for side in spot.pads])
    windows = np.lib.stride_tricks.sliding_window_view(pixels, taps.shape)
    counts = windows[:: spot.rows.stride, :: spot.columns.stride].sum((2, 3))
    shares = (taps.size / counts).astype(np.float32)[np.newaxis, np.newaxis]
    mean = Tensor(f"{operation.name}/counted", output.shape)
    share = Tensor(f"{operation.name}/share", shares.shape, None, shares)
    pooled = Operation("AveragePool", f"{operation.name}/counted", operation.inputs, (mean,), {})
    source = padded(file, image, spot.pads)
    if file.options.gpu:
        _mean_of_sums(file, pooled, source, spot)
    else:
        _pool(file, pooled, Code.AVERAGE_POOL_2D, source, spot, None)
    inputs = [file.tensor(mean), file.operand(share, 4)]
    file.emit(operation, Code.MUL, inputs, schema.MulOptionsT())


def _depthwise_mean(
    file: Emitter, operation: Operation, scale: Quantization, source: int, spot: PaddedWindow
) -> None:
    """Write an int8 mean as a depthwise convolution with equal weights of 1/taps.

    It converts between any two scales. XNNPACK runs it and rounds once, to nearest, with 1/taps
    rounded to float32; it has no int8 AVERAGE_POOL_2D. The convolution is dense where an NPU's
    depthwise one is wrong.
    """
    channels, taps = operation.output.shape[1], spot.rows.kernel * spot.columns.kernel
    level = np.float32(1 / taps) / np.float32(UNIT)
    is_dense = is_wrong_by_channel(file, channels, spot)
    quantization = Quantization(
        np.full(channels, level, np.float32),
        np.zeros(channels, np.int32),
        "int8",
        int(not is_dense),
    )
    weights = np.full((channels, 1, spot.rows.kernel, spot.columns.kernel), UNIT, np.int8)
    weights = dense(weights, channels) if is_dense else weights.transpose(1, 0, 2, 3)
    name = f"{operation.name}/mean"
    kernel = Tensor(name, weights.shape, quantization, weights)
    none = np.zeros(channels, np.int32)
    bias_scale = np.asarray(scale.scale[0] * quantization.scale, np.float32)
    bias = Tensor(f"{name}/bias", (channels,), Quantization(bias_scale, none, "int32", 0), none)
    stored, axis = stored_values(weights), 0 if is_dense else 3
    inputs = [source, file.weights(kernel, stored, axis), file.tensor(bias)]
    options = _options(spot, is_dense=is_dense)
    file.emit(operation, Code.CONV_2D if is_dense else Code.DEPTHWISE_CONV_2D, inputs, options)


def _mean_of_sums(file: Emitter, operation: Operation, source: int, spot: PaddedWindow) -> None:
    """Write the mean of a padded image as a depthwise convolution and a product.

    LiteRT 2.3.0's GPU kernels merge a PAD into a following AVERAGE_POOL_2D and silently exclude the
    padding. The weights are the largest power of two up to 1/taps, exact in float16, so no sum
    exceeds the largest pixel.
    """
    channels, taps = operation.output.shape[1], spot.rows.kernel * spot.columns.kernel
    weight = 2.0 ** -np.ceil(np.log2(taps))
    name, shape = f"{operation.name}/sums", (1, channels, spot.rows.kernel, spot.columns.kernel)
    kernel = Tensor(name, shape, None, np.full(shape, weight, np.float32))
    bias = Tensor(f"{name}/bias", (channels,), None, np.zeros(channels, np.float32))
    inputs = [source, file.weights(kernel, stored_values(contents(kernel)), 3), file.tensor(bias)]
    sums = file.intermediate(f"{name}/summed", operation.output.shape, None)
    file.writer.add_operator(Code.DEPTHWISE_CONV_2D, inputs, [sums], _options(spot, is_dense=False))
    rest = np.full((1, 1, 1, 1), 1 / (taps * weight), np.float32)
    factor = file.operand(Tensor(f"{name}/factor", rest.shape, None, rest), 4)
    file.emit(operation, Code.MUL, [sums, factor], schema.MulOptionsT())


def _options(spot: PaddedWindow, *, is_dense: bool) -> Any:
    """Return the options of a convolution without padding that takes means."""
    options = schema.Conv2DOptionsT() if is_dense else schema.DepthwiseConv2DOptionsT()
    if not is_dense:
        options.depthMultiplier = 1
    options.padding = VALID
    options.strideH, options.strideW = spot.rows.stride, spot.columns.stride
    options.dilationHFactor = options.dilationWFactor = 1
    return options


def global_average_pool(file: Emitter, operation: Operation) -> None:
    """Lower GlobalAveragePool of (N, C, H, W) to MEAN over height and width: (N, C, 1, 1).

    In float32 or int8; the result is rounded once to the output's scale.

    Raises:
        RefusedError: the image is empty.
    """
    _reduced(file, operation, Code.MEAN, [2, 3], keep=True)


def reduce_mean(file: Emitter, operation: Operation) -> None:
    """Lower ReduceMean over constant axes, by default all, to MEAN, in float32 or int8.

    int8 results are rounded once. Axes are kept with length 1 unless `keepdims` is 0. No axes and
    `noop_with_empty_axes` reduce nothing.

    Raises:
        RefusedError: axes are computed, the input is empty, or one spatial axis is dropped.
    """
    _reduce(file, operation, Code.MEAN)


def reduce_max(file: Emitter, operation: Operation) -> None:
    """Lower ReduceMax over constant axes, by default all, to REDUCE_MAX.

    Exact, but an int8 input at another scale than the output's is requantized first. Axes are
    kept with length 1 unless `keepdims` is 0. No axes and `noop_with_empty_axes` reduce nothing.

    Raises:
        RefusedError: axes are computed, the input is empty, or one spatial axis is dropped.
    """
    _reduce(file, operation, Code.REDUCE_MAX)


def reduce_min(file: Emitter, operation: Operation) -> None:
    """Lower ReduceMin over constant axes, by default all, to REDUCE_MIN.

    Exact, but an int8 input at another scale than the output's is requantized first. Axes are
    kept with length 1 unless `keepdims` is 0. No axes and `noop_with_empty_axes` reduce nothing.

    Raises:
        RefusedError: axes are computed, the input is empty, or one spatial axis is dropped.
    """
    _reduce(file, operation, Code.REDUCE_MIN)


def _reduce(file: Emitter, operation: Operation, code: int) -> None:
    rank = len(operation.operand(0).shape)
    axes = operation.attributes.get("axes")
    if axes is None and len(operation.inputs) > 1 and operation.inputs[1] is not None:
        axes = contents(constant_input(operation, 1)).reshape(-1)
    if axes is None or len(axes) == 0:
        axes = [] if operation.attributes.get("noop_with_empty_axes", 0) else range(rank)
    logical = sorted(int(axis) % rank for axis in axes)
    keep = bool(operation.attributes.get("keepdims", 1))
    if rank == 4 and not keep and 1 not in logical and logical not in ([2, 3], [0, 2, 3]):
        raise RefusedError("it drops one spatial axis, which changes the layout of the rest.")
    _reduced(file, operation, code, logical, keep)


def _reduced(file: Emitter, operation: Operation, code: int, axes: list[int], keep: bool) -> None:
    image = operation.operand(0)
    if 0 in image.shape:
        raise RefusedError("it reduces a tensor without elements.")
    rank = len(image.shape)
    stored = sorted(stored_axis(axis, rank) for axis in axes)
    options = schema.ReducerOptionsT()
    options.keepDims = keep
    chooses = code != Code.MEAN
    scale = operation.output.quantization
    source = file.requantized(image, scale) if chooses else file.tensor(image)
    inputs = [source, file.numbers(stored, f"{operation.name}/axes")]
    output = operation.output
    if rank == len(output.shape) or len(output.shape) != 4:
        file.emit(operation, code, inputs, options)
        return
    reduced = file.intermediate(f"{operation.name}/reduced", output.shape, scale)
    file.writer.add_operator(code, inputs, [reduced], options)
    store(file, operation, reduced)


def _window(operation: Operation) -> PaddedWindow:
    if set(operation.attributes.get("dilations", (1, 1))) != {1}:
        raise RefusedError("TFLite's pooling has no dilation.")
    return window(operation, operation.attributes["kernel_shape"])


def _pool(
    file: Emitter,
    operation: Operation,
    code: int,
    source: int,
    spot: PaddedWindow,
    padding: int | None,
) -> None:
    options = schema.Pool2DOptionsT()
    options.padding = SAME if padding == SAME else VALID
    options.strideH, options.strideW = spot.rows.stride, spot.columns.stride
    options.filterHeight, options.filterWidth = spot.rows.kernel, spot.columns.kernel
    file.emit(operation, code, [source], options)
