"""Lowering of convolutions, transposed convolutions and pooling to ncnn.

Images are blobs (C, H, W); a batch of several has no blob.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.ncnn.activation import fused
from edge_imgq.export.ncnn.builder import Blob, LoweringContext, RefusedError
from edge_imgq.export.ncnn.int8 import (
    OF_CHANNELS,
    OF_GROUPS,
    SCALES,
    integers_of,
    numbers,
)
from edge_imgq.export.ncnn.layers import Number, Weight
from edge_imgq.export.ncnn.matmul import rows
from edge_imgq.graph.convolution import padding_in, spans_of

PAIRS = ((1, 11), (2, 12), (3, 13))
"""Parameter keys of kernel, dilation and stride: (along w, along h)."""

LEFT, TOP, RIGHT, BOTTOM = 4, 14, 15, 16
MAXIMUM, MEAN = 0, 1
AS_STATED = 1
"""Pad mode of pools: explicit pads, none added for windows that do not fit."""


def convolution(context: LoweringContext) -> Blob:
    """Lower Conv with constant weights and the clipping after it to Convolution, int8 if possible.

    Images are (1, C, H, W), weights (C_out, C_in / groups, H, W); grouped ones become
    ConvolutionDepthWise. It is int8 where `integers_of` returns integers, else float, also for
    quantized weights. A batch of one-pixel images, which passes produce from matrix products,
    becomes InnerProduct.

    Raises:
        RefusedError: weights are computed or not two-dimensional, there are several images, or
            padding is negative.
    """
    weight, group = _weight(context), context.attribute("group", 1)
    if context.operation.operand(0).shape[2:] == weight.shape[2:] == (1, 1) and group == 1:
        return rows(context, weight[:, :, 0, 0], context.constant(2))
    _refuse_many(context)
    parameters = _convolved(context, weight, weight.shape[0])
    kind, term = "Convolution", OF_CHANNELS
    if group > 1:
        kind, term, parameters = "ConvolutionDepthWise", OF_GROUPS, {**parameters, 7: group}
    weights, integers = _weights(context, weight), integers_of(context.operation)
    if integers is not None:
        parameters[SCALES] = term
        weights = (Weight(integers.weights, is_tagged=True), *weights[1:], *integers.factors)
    return context.emit(kind, context.read(0), parameters=parameters, weights=weights)


def transposed_convolution(context: LoweringContext) -> Blob:
    """Lower ConvTranspose with constant weights, and the clipping after it, to Deconvolution.

    Images are (1, C, H, W). Weights (C_in, C_out / groups, H, W) are stored with outputs before
    inputs; grouped ones are in DeconvolutionDepthWise. Always in float, also for quantized weights.

    Raises:
        RefusedError: weights are computed or not two-dimensional, there are several images, or
            padding is negative.
    """
    weight, group = _weight(context), context.attribute("group", 1)
    _refuse_many(context)
    inputs, outputs, *kernel = weight.shape
    grouped = weight.reshape(group, inputs // group, outputs, *kernel)
    outputs_first = np.ascontiguousarray(grouped.swapaxes(1, 2))
    parameters = _convolved(context, weight, outputs * group)
    down, right = context.attribute("output_padding", (0, 0))
    parameters |= {18: right, 19: down} if down or right else {}
    kind = "Deconvolution"
    if group > 1:
        kind, parameters = "DeconvolutionDepthWise", {**parameters, 7: group}
    return context.emit(
        kind, context.read(0), parameters=parameters, weights=_weights(context, outputs_first)
    )


def _weight(context: LoweringContext) -> Any:
    tensor = context.operation.operand(1)
    if tensor.data is None:
        raise RefusedError("its weights are computed at run time; ncnn wants them as numbers")
    weight = numbers(tensor)
    if weight.ndim != 4:
        raise RefusedError("only images with height and width are convolved")
    return np.asarray(weight, np.float32)


def _refuse_many(context: LoweringContext) -> None:
    if context.operation.operand(0).shape[0] != 1:
        raise RefusedError("it convolves several images, and ncnn has no axis for the batch")


def _weights(context: LoweringContext, weight: Any) -> tuple[Weight, ...]:
    bias = context.constant(2)
    biases = () if bias is None else (Weight(np.asarray(bias, np.float32)),)
    return (Weight(weight, is_tagged=True), *biases)


def _convolved(context: LoweringContext, weight: Any, channels: int) -> dict[int, Any]:
    """Return the parameters common to convolutions and transposed convolutions."""
    operation = context.operation
    kernel = tuple(weight.shape[2:])
    ones = (1, 1)
    geometry = (kernel, context.attribute("dilations", ones), context.attribute("strides", ones))
    parameters: dict[int, Any] = {0: int(channels), 5: int(context.constant(2) is not None)}
    parameters[6] = int(weight.size)
    for (along_w, along_h), (down, right) in zip(PAIRS, geometry, strict=True):
        parameters |= {along_w: int(right), along_h: int(down)}
    parameters |= _pads(context, kernel, (LEFT, TOP, RIGHT, BOTTOM))
    return {**parameters, **fused(operation.activation)}


def _pads(
    context: LoweringContext, kernel: tuple[int, ...], keys: tuple[int, ...]
) -> dict[int, Number]:
    operation = context.operation
    size = operation.operand(0).shape[2:]
    top, left, bottom, right = _stated(padding_in(
        operation.kind, operation.attributes, kernel, size
    ))  # fmt: skip
    return dict(zip(keys, (left, top, right, bottom), strict=True))


def _stated(pads: tuple[int, ...] | None) -> tuple[int, ...]:
    if pads is None or min(pads) < 0:
        raise RefusedError("its padding is negative; cut the image by Slice")
    return tuple(int(side) for side in pads)


def maximum_pool(context: LoweringContext) -> Blob:
    """Lower MaxPool of (1, C, H, W) to Pooling. Exact.

    Rows and columns added by `ceil_mode` are padding, which is never the maximum.

    Raises:
        RefusedError: indices are used, the window is dilated, padding is negative, or it is not one
            image.
    """
    if len(context.operation.outputs) > 1 and context.operation.outputs[1].name:
        raise RefusedError("its indices are used, which ncnn's pools do not return")
    return _pool(context, MAXIMUM, {})


def mean_pool(context: LoweringContext) -> Blob:
    """Lower AveragePool of (1, C, H, W) to Pooling.

    Padding counts, as zeros, only with `count_include_pad`. Computed in the element type of the
    blob, float32 or float16.

    Raises:
        RefusedError: `ceil_mode` extends the image, the window is dilated, padding is negative, or
            it is not one image.
    """
    if context.attribute("ceil_mode", 0) and _more(context) != (0, 0):
        raise RefusedError("its windows reach beyond the padding; pad the image by Pad")
    return _pool(context, MEAN, {6: int(context.attribute("count_include_pad", 0))})


def _pool(context: LoweringContext, kind: int, counting: dict[int, Number]) -> Blob:
    operation = context.operation
    if len(operation.operand(0).shape) != 4 or operation.operand(0).shape[0] != 1:
        raise RefusedError("only one image with height and width is pooled")
    if set(context.attribute("dilations", (1, 1))) != {1}:
        raise RefusedError("its window is dilated, which ncnn's pools are not")
    (height, width), (down, right) = context.attribute("kernel_shape", ()), _strides(context)
    pads = _pads(context, (height, width), (3, 13, 14, 15))
    more = _more(context)
    pads |= {14: pads[14] + more[1], 15: pads[15] + more[0]}
    parameters = {0: kind, 1: width, 11: height, 2: right, 12: down, 5: AS_STATED}
    return context.emit("Pooling", context.read(0), parameters={**parameters, **pads, **counting})


def _strides(context: LoweringContext) -> tuple[int, int]:
    down, right = context.attribute("strides", (1, 1))
    return down, right


def _more(context: LoweringContext) -> tuple[int, int]:
    """Return the rows and columns that `ceil_mode` requires beyond the padding."""
    if not context.attribute("ceil_mode", 0):
        return 0, 0
    operation, kernel = context.operation, context.attribute("kernel_shape", ())
    image, output = operation.operand(0).shape[2:], operation.output.shape[2:]
    pads = _stated(padding_in(operation.kind, operation.attributes, kernel, image))
    spans, strides = spans_of(kernel, (1, 1)), _strides(context)
    reach = [(output[i] - 1) * strides[i] + spans[i] - image[i] - pads[i] for i in (0, 1)]
    return max(reach[0] - pads[2], 0), max(reach[1] - pads[3], 0)
