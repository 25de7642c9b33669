"""Lowering of Conv to CONV_2D and DEPTHWISE_CONV_2D."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.operators.padding import padded
from edge_imgq.export.tflite.operators.weights import bias, constant_input, contents
from edge_imgq.export.tflite.same_padding import VALID, PaddedWindow, window

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation, Tensor

Code = schema.BuiltinOperator
SLICE = 4
"""Channels in one GPU texture slice."""

RIGHTLY_PADDED = 4
"""Fewest channels of an int16 image that Qualcomm's HTP pads with zero."""

MAX_UNTRUSTED_CHANNELS = 4
"""Most channels for which a strided depthwise convolution is not trusted on Qualcomm's HTP."""

OHWI = (0, 2, 3, 1)
HWO_DEPTHWISE = (1, 2, 3, 0)
"""Permutation from (channels × multiplier, 1, H, W) to (1, H, W, channels × multiplier)."""


def convolution(file: Emitter, operation: Operation) -> None:
    """Lower Conv of (N, C, H, W) to CONV_2D, or to DEPTHWISE_CONV_2D if each channel is a group.

    In float32, int8, or int16 with int8 weights; integer sums are exact and rounded once to the
    output's scale. Weights (C_out, C_in / groups, H, W) are stored as (C_out, H, W, C_in / groups),
    depthwise ones as (1, H, W, C_out). A PAD is added only where neither VALID nor SAME is
    equivalent, as for torch's stride 2 on an even size; XNNPACK fuses it into the convolution at no
    cost. For GPUs and NPUs that compute some grouped convolutions wrongly, those are dense.

    Raises:
        RefusedError: weights are computed, or the kernel is not two-dimensional.
    """
    image, kernel = operation.operand(0), constant_input(operation, 1)
    spot = window(operation, kernel.shape[2:])
    group, weights = operation.attributes.get("group", 1), contents(kernel)
    if group > 1 and _is_wrong_in_groups(file, image, weights, spot):
        group, weights = 1, dense(weights, group)
    depthwise = group > 1 and group == image.shape[1]
    padding = None if _pads_wrongly(file, image, spot) else spot.padding
    source = padded(file, image, spot.pads) if padding is None else file.tensor(image)
    order, axis = (HWO_DEPTHWISE, 3) if depthwise else (OHWI, 0)
    inputs = [
        source,
        file.weights(kernel, weights.transpose(order), axis),
        bias(file, operation, kernel, kernel.shape[0]),
    ]
    options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
    if depthwise:
        options.depthMultiplier = kernel.shape[0] // group
    options.padding = VALID if padding is None else padding
    options.strideH, options.strideW = spot.rows.stride, spot.columns.stride
    options.dilationHFactor, options.dilationWFactor = spot.rows.dilation, spot.columns.dilation
    file.emit(operation, Code.DEPTHWISE_CONV_2D if depthwise else Code.CONV_2D, inputs, options)


def _pads_wrongly(file: Emitter, image: Tensor, spot: PaddedWindow) -> bool:
    """Return True if an NPU's padding of a convolution is wrong, so that a PAD must do it.

    Before a 3×3 convolution, Qualcomm's HTP (QNN 2.51) pads an int16 image of fewer than
    RIGHTLY_PADDED channels with gray 128 where it was converted from 8 bits
    (`findings/qnn-htp-int16-padding.sh`).
    """
    int16 = image.quantization is not None and image.quantization.dtype == "int16"
    few = image.shape[1] < RIGHTLY_PADDED
    return file.options.npu and int16 and few and any(map(any, spot.pads))


def _is_wrong_in_groups(
    file: Emitter, image: Tensor, weights: NDArray[Any], spot: PaddedWindow
) -> bool:
    """Return True if the target computes a convolution in groups wrongly, but a dense one rightly.

    LiteRT 2.3.0's GPU kernels silently do if a group of several channels reads or writes a number
    of them that is not a multiple of four.
    """
    channels, inputs = image.shape[1], weights.shape[1]
    if inputs == 1:
        return is_wrong_by_channel(file, channels, spot)
    outputs = weights.shape[0] * inputs // channels
    return file.options.gpu and (outputs % SLICE > 0 or inputs % SLICE > 0)


def is_wrong_by_channel(file: Emitter, channels: int, spot: PaddedWindow) -> bool:
    """Return True if the target's depthwise convolution is not trusted, but a dense one is.

    Qualcomm's HTP (QNN 2.51) silently computes a 2×2 kernel with stride 2 wrongly for two to four
    channels, or does not compile it (`findings/qnn-htp-depthwise-stride.sh`). Files for NPUs have
    no strided depthwise convolution of so few channels.

    Args:
        file: the file being written.
        channels: channels of the image.
        spot: window of the convolution.
    """
    strided = spot.rows.stride > 1 or spot.columns.stride > 1
    return file.options.npu and strided and channels <= MAX_UNTRUSTED_CHANNELS


def dense(weights: NDArray[Any], group: int) -> NDArray[Any]:
    """Expand grouped weights (O, I / group, K, L) to (O, I, K, L), with zeros between groups.

    The dtype stays; a dense convolution with them gives the same sums, as the zero point of weights
    is 0.
    """
    outputs, inputs = weights.shape[0] // group, weights.shape[1]
    expanded = np.zeros((weights.shape[0], group * inputs, *weights.shape[2:]), weights.dtype)
    for index in range(group):
        rows = slice(index * outputs, (index + 1) * outputs)
        expanded[rows, index * inputs : (index + 1) * inputs] = weights[rows]
    return expanded
