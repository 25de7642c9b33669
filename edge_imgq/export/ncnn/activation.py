"""Lowering of activations, and of fused clipping, to ncnn.

All are elementwise except softmax. Blobs are float32, or float16 where a file allows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from edge_imgq.export.ncnn.arithmetic import binary_of
from edge_imgq.export.ncnn.builder import FLOAT32_MAX, Blob, LoweringContext
from edge_imgq.export.ncnn.layers import Number, Weight
from edge_imgq.graph.network import Activation

RELU, CLIP = 1, 3
"""ncnn's codes of activations that a convolution applies to its output."""


def bounds(activation: Activation) -> tuple[float, float]:
    """Return an activation's bounds (low, high), real values, as ncnn's Clip takes them.

    A lower bound of −∞ or an upper one of ∞ becomes the largest float32 of its sign.
    """
    return max(activation.low, -FLOAT32_MAX), min(activation.high, FLOAT32_MAX)


def fused(activation: Activation | None) -> dict[int, Number | tuple[Number, ...]]:
    """Return the layer parameters with which a convolution or matrix product clips its output.

    {} for None; else key 9 is ncnn's type of activation, and key 10 holds the two bounds of a
    clipping, real values.
    """
    if activation is None:
        return {}
    if activation.low == 0 and math.isinf(activation.high):
        return {9: RELU}
    return {9: CLIP, 10: bounds(activation)}


def clipped(context: LoweringContext, blob: Blob, activation: Activation) -> Blob:
    """Clip a blob to an activation's bounds by one layer; return its output, of equal shape.

    It is ReLU for the bounds 0 and infinity, else Clip. Bounds are real values; in a Clip an
    infinite one becomes the largest float32 of its sign, so finite values stay exact.
    """
    if activation.low == 0 and math.isinf(activation.high):
        return context.builder.emit("ReLU", (blob,), blob.shape)
    low, high = bounds(activation)
    return context.builder.emit("Clip", (blob,), blob.shape, {0: low, 1: high})


def clip(context: LoweringContext) -> Blob:
    """Lower Clip with constant bounds, infinite by default, to Clip or ReLU. Exact in float32.

    Raises:
        RefusedError: a bound is computed.
    """
    low = float(np.asarray(context.constant(1, -math.inf)).reshape(-1)[0])
    high = float(np.asarray(context.constant(2, math.inf)).reshape(-1)[0])
    return clipped(context, context.read(0), Activation(low, high))


def plain(kind: str) -> Callable[[LoweringContext], Blob]:
    """Return a lowering of an elementwise activation without parameters to ncnn's layer `kind`.

    It computes in the element type of the blob, float32 or float16. It raises RefusedError for a
    tensor with more than ncnn's four axes.
    """

    def build(context: LoweringContext) -> Blob:
        return context.emit(kind, context.read(0))

    return build


def leaky_relu(context: LoweringContext) -> Blob:
    """Lower LeakyRelu to ReLU with a slope, by default 0.01, elementwise.

    Computed in the element type of the blob, float32 or float16.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    return context.emit(
        "ReLU", context.read(0), parameters={0: float(context.attribute("alpha", 0.01))}
    )


def elu(context: LoweringContext) -> Blob:
    """Lower Elu to ELU: x above 0, else alpha · (exp(x) − 1), elementwise; by default alpha is 1.

    Computed in the element type of the blob, float32 or float16.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    return context.emit(
        "ELU", context.read(0), parameters={0: float(context.attribute("alpha", 1.0))}
    )


def gelu(context: LoweringContext) -> Blob:
    """Lower Gelu to GELU, elementwise: by erf, or by tanh if `approximate` is "tanh".

    Computed in the element type of the blob, float32 or float16.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    fast = context.attribute("approximate", "none") == "tanh"
    return context.emit("GELU", context.read(0), parameters={0: int(fast)})


def hard_sigmoid(context: LoweringContext) -> Blob:
    """Lower HardSigmoid to HardSigmoid: clip(alpha · x + beta, 0, 1), elementwise.

    By default alpha is 0.2 and beta 0.5. Computed in the element type of the blob, float32 or
    float16.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    alpha, beta = float(context.attribute("alpha", 0.2)), float(context.attribute("beta", 0.5))
    return context.emit("HardSigmoid", context.read(0), parameters={0: alpha, 1: beta})


def hard_swish(context: LoweringContext) -> Blob:
    """Lower HardSwish to HardSwish: x · clip(x / 6 + ½, 0, 1), elementwise.

    Computed in the element type of the blob, float32 or float16.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    return context.emit("HardSwish", context.read(0), parameters={0: 1 / 6, 1: 0.5})


def prelu(context: LoweringContext) -> Blob:
    """Lower PRelu to PReLU, with one constant slope or one per channel of (1, C, H, W).

    Other slopes, also computed ones, become max(x, 0) + slope · min(x, 0), with broadcasting.
    Computed in the element type of the blob, float32 or float16.

    Raises:
        RefusedError: a tensor has more than ncnn's four axes.
    """
    x, slope = context.read(0), context.operation.operand(1)
    shape = context.operation.operand(0).shape
    data = slope.data
    channels = shape[1] if len(shape) == 4 and shape[0] == 1 else 0
    one = data is not None and data.size == 1
    per_channel = data is not None and np.broadcast_shapes(slope.shape, (1, 1, 1, 1))[1:] == (
        channels, 1, 1
    )  # fmt: skip
    if data is not None and (one or per_channel):
        slopes = Weight(np.asarray(data, np.float32).reshape(-1))
        return context.emit("PReLU", x, parameters={0: int(data.size)}, weights=(slopes,))
    below = context.builder.emit("Clip", (x,), x.shape, {0: -FLOAT32_MAX, 1: 0.0})
    above = context.builder.emit("ReLU", (x,), x.shape)
    scaled = binary_of(context, "Mul", below, context.operation.operand(1))
    return context.emit("BinaryOp", above, scaled, parameters={0: 0})


def softmax(context: LoweringContext) -> Blob:
    """Lower Softmax along one axis, by default the last, to Softmax; the shape stays.

    Computed in the element type of the blob, float32 or float16.

    Raises:
        RefusedError: it is the batch axis, or a tensor has more than ncnn's four axes.
    """
    axis = context.axis(context.attribute("axis", -1))
    return context.emit("Softmax", context.read(0), parameters={0: axis, 1: 1})
