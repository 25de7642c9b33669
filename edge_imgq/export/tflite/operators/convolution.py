"""Convolution: CONV_2D and DEPTHWISE_CONV_2D."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.operators.padding import padded
from edge_imgq.export.tflite.operators.weights import bias, constant_input, contents
from edge_imgq.export.tflite.same_padding import VALID, window

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator
SLICE = 4
"""Channels that a GPU holds together."""

OHWI = (0, 2, 3, 1)
HWO_DEPTHWISE = (1, 2, 3, 0)
"""From (channels × multiplier, 1, H, W) to (1, H, W, channels × multiplier)."""


def convolution(file: Emitter, operation: Operation) -> None:
    """Conv → CONV_2D, grouped or not, or DEPTHWISE_CONV_2D where every channel is a group.

    A PAD goes in front only where neither VALID nor SAME says the same, as for torch's stride 2 on
    an even size. XNNPACK fuses it into the convolution: it takes as long as SAME, and a kernel of
    4×4 with zeros, which SAME would fit, takes 1.1 to 1.7 times as long.
    """
    image, kernel = operation.operand(0), constant_input(operation, 1)
    spot = window(operation, kernel.shape[2:])
    group = operation.attributes.get("group", 1)
    depthwise = group > 1 and group == image.shape[1]
    padding = spot.padding
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


def _whole_slices(weights: NDArray[Any], group: int) -> NDArray[Any]:
    """Return grouped weights (O, I / group, K, L) as a GPU computes them rightly.

    A GPU holds channels in fours. LiteRT 2.3.0's kernels return something else, without a word,
    where a group reads or writes a number of channels that is no multiple of four; there the
    weights are those of all channels, zeros between groups.
    """
    outputs, inputs = weights.shape[0] // group, weights.shape[1]
    if outputs % SLICE == 0 and inputs % SLICE == 0:
        return weights
    dense = np.zeros((weights.shape[0], group * inputs, *weights.shape[2:]), weights.dtype)
    for index in range(group):
        rows = slice(index * outputs, (index + 1) * outputs)
        dense[rows, index * inputs : (index + 1) * inputs] = weights[rows]
    return dense
