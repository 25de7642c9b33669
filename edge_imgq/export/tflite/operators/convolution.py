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

OHWI = (0, 2, 3, 1)
HWO_DEPTHWISE = (1, 2, 3, 0)
"""Permutation from (channels × multiplier, 1, H, W) to (1, H, W, channels × multiplier)."""


def convolution(file: Emitter, operation: Operation) -> None:
    """Lower Conv to CONV_2D, grouped or not, or to DEPTHWISE_CONV_2D if each channel is a group.

    Weights (C_out, C_in / groups, H, W) are stored as (C_out, H, W, C_in / groups), depthwise ones
    as (1, H, W, C_out). A PAD is added only where neither VALID nor SAME is equivalent, as for
    torch's stride 2 on an even size. XNNPACK fuses it into the convolution at no cost. A 4×4 kernel
    padded with zeros to fit SAME takes 1.1 to 1.7 times as long.

    Raises:
        RefusedError: weights are computed, or the kernel is not two-dimensional.
    """
    image, kernel = operation.operand(0), constant_input(operation, 1)
    spot = window(operation, kernel.shape[2:])
    group = operation.attributes.get("group", 1)
    depthwise = group > 1 and group == image.shape[1]
    padding = None if _pads_wrongly(file, image, spot) else spot.padding
    source = padded(file, image, spot.pads) if padding is None else file.tensor(image)
    order, axis = (HWO_DEPTHWISE, 3) if depthwise else (OHWI, 0)
    weights = contents(kernel)
    if file.options.gpu and group > 1 and not depthwise:
        weights = _whole_slices(weights, group)
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
    """Return True if an NPU's padding of a convolution is not trusted.

    Before a 3×3 convolution, Qualcomm's HTP (QNN 2.51) pads an int16 image of one to three channels
    that was converted from 8 bits with gray 128 (`findings/qnn-htp-int16-padding.sh`). A PAD before
    the convolution is right, and is written before every one of int16 that pads.
    """
    int16 = image.quantization is not None and image.quantization.dtype == "int16"
    return file.options.npu and int16 and any(map(any, spot.pads))


def _whole_slices(weights: NDArray[Any], group: int) -> NDArray[Any]:
    """Expand grouped weights (O, I / group, K, L) to dense ones where a GPU needs it.

    LiteRT 2.3.0's GPU kernels silently compute a wrong result if a group reads or writes a number
    of channels that is no multiple of four. Such weights become (O, I, K, L) with zeros between
    groups.
    """
    outputs, inputs = weights.shape[0] // group, weights.shape[1]
    if outputs % SLICE == 0 and inputs % SLICE == 0:
        return weights
    dense = np.zeros((weights.shape[0], group * inputs, *weights.shape[2:]), weights.dtype)
    for index in range(group):
        rows = slice(index * outputs, (index + 1) * outputs)
        dense[rows, index * inputs : (index + 1) * inputs] = weights[rows]
    return dense
