"""Lowering of activations to Core ML, in float16, elementwise except softmax.

Operators that commute with a scaling work on values divided by the result's unit, others on real
values (unit 1). Constants are rounded to float16.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge_imgq.export.coreml.fp16_scaling import chosen_slope
from edge_imgq.export.coreml.integer_units import LoweringContext, Variable, mb, to_float16
from edge_imgq.graph.network import Operation


def relu(context: LoweringContext) -> Variable:
    """Lower Relu to relu, elementwise in float16, divided by `context.unit`, 1 in float files.

    Exact if input and result have one scale; else the input is rounded to float16.
    """
    return mb.relu(x=context.read(0))


def leaky_relu(context: LoweringContext) -> Variable:
    """Lower LeakyRelu to leaky_relu, elementwise in float16, divided by `context.unit`.

    The scale is 1 in a float file. The slope, by default 0.01, and the results are rounded to
    float16; between quantized tensors, `chosen_slope` picks a float16 slope beside the exact one.

    Raises:
        ModelError: an activation is not int8 with one scale.
    """
    return mb.leaky_relu(x=context.read(0), alpha=chosen_slope(context.operation, context.unit))


def prelu(context: LoweringContext) -> Variable:
    """Lower PRelu to prelu, or to max(x, 0) + slope · min(x, 0), in float16.

    x and the result are divided by `context.unit`, 1 in a float file. prelu takes constant slopes,
    one or one per channel of (N, C, …) with three axes or more; all others are broadcast. Slopes
    and results are rounded to float16.

    Raises:
        ModelError: a slope exceeds float16.
    """
    x, slopes = context.read(0), context.operation.operand(1)
    if slopes.data is not None and _per_channel(slopes.shape, x.shape):
        alpha = np.broadcast_to(context.constant(1).reshape(-1), (x.shape[1],))
        return mb.prelu(x=x, alpha=to_float16(alpha, slopes.name))
    below = mb.mul(x=mb.minimum(x=x, y=np.float16(0)), y=context.read(1, unit=1.0))
    return mb.add(x=mb.relu(x=x), y=below)


def _per_channel(slopes: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    aligned = (1,) * (len(shape) - len(slopes)) + slopes
    channels = (1, shape[1], *(1,) * (len(shape) - 2)) if len(shape) > 2 else None
    return len(shape) > 2 and aligned in ((1,) * len(shape), channels)


def clip(context: LoweringContext) -> Variable:
    """Lower Clip to clip, maximum or minimum, in float16, divided by `context.unit`.

    The scale is 1 in a float file. A missing bound is infinite. Bounds may be computed; constant
    ones are rounded to float16, and beyond its range become its largest finite number. Exact but
    for that.
    """
    inputs, x = context.operation.inputs, context.read(0)
    bounds = [-math.inf, math.inf]
    for index in (1, 2):
        tensor = inputs[index] if len(inputs) > index else None
        if tensor is None:
            continue
        if tensor.data is not None:
            bounds[index - 1] = float(context.constant(index).reshape(())) / context.unit
        elif index == 1:
            x = mb.maximum(x=x, y=context.read(index))
        else:
            x = mb.minimum(x=x, y=context.read(index))
    return clipped(x, bounds[0], bounds[1])


def clipped(x: Any, low: float, high: float) -> Any:
    """Clip a variable elementwise to two bounds; if they cross, the upper one wins.

    Infinite bounds add no operator. Exact but for the bounds' rounding (`float16_bound`).

    Args:
        x: float16 variable.
        low: lower bound, in the unit of x, or −infinity.
        high: upper bound, in the unit of x, or infinity.
    """
    if math.isinf(low) and math.isinf(high):
        return x
    if math.isinf(high):
        return mb.relu(x=x) if low == 0 else mb.maximum(x=x, y=float16_bound(low))
    if math.isinf(low):
        return mb.minimum(x=x, y=float16_bound(high))
    least, most = float16_bound(low), float16_bound(high)
    if least >= most:  # `clip` wants a range; these bounds may meet in float16.
        return mb.minimum(x=mb.maximum(x=x, y=least), y=most)
    return mb.clip(x=x, alpha=least, beta=most)


def float16_bound(value: float) -> np.float16:
    """Round a bound to float16, saturating at the largest finite values.

    A nonzero bound that would round to 0, such as the smallest divisor of a norm, becomes the
    smallest normal float16.
    """
    numbers = np.finfo(np.float16)
    most, least = float(numbers.max), float(numbers.tiny)
    kept = np.float16(min(max(value, -most), most))
    return np.float16(math.copysign(least, value)) if value and not kept else kept


def sigmoid(context: LoweringContext) -> Variable:
    """Lower Sigmoid to sigmoid, elementwise, in float16 on real values; rounded to float16."""
    return mb.sigmoid(x=context.read(0))


def hard_sigmoid(context: LoweringContext) -> Variable:
    """Lower HardSigmoid to sigmoid_hard: clip(alpha · x + beta, 0, 1), in float16 on real values.

    By default alpha is 0.2 and beta 0.5; both, and the results, are rounded to float16.
    """
    alpha, beta = context.attribute("alpha", 0.2), context.attribute("beta", 0.5)
    return mb.sigmoid_hard(x=context.read(0), alpha=np.float16(alpha), beta=np.float16(beta))


def hard_swish(context: LoweringContext) -> Variable:
    """Lower HardSwish to x · clip(x / 6 + ½, 0, 1), in float16 on real values.

    1/6, the factor and the product are each rounded to float16.
    """
    x = context.read(0)
    gate = mb.sigmoid_hard(x=x, alpha=np.float16(1 / 6), beta=np.float16(0.5))
    return mb.mul(x=x, y=gate)


def tanh(context: LoweringContext) -> Variable:
    """Lower Tanh to tanh, elementwise, in float16 on real values; rounded to float16."""
    return mb.tanh(x=context.read(0))


def gelu(context: LoweringContext) -> Variable:
    """Lower Gelu to gelu, elementwise, in float16 on real values; rounded to float16.

    By erf, or with the tanh approximation if `approximate` is "tanh".
    """
    by_tanh = context.attribute("approximate", "none") == "tanh"
    return mb.gelu(x=context.read(0), mode="TANH_APPROXIMATION" if by_tanh else "EXACT")


def error_function(context: LoweringContext) -> Variable:
    """Lower Erf to erf, elementwise, in float16 on real values; rounded to float16."""
    return mb.erf(x=context.read(0))


def elu(context: LoweringContext) -> Variable:
    """Lower Elu to elu, elementwise, in float16 on real values; rounded to float16.

    x above 0, else alpha · (exp(x) − 1); by default alpha is 1.
    """
    return mb.elu(x=context.read(0), alpha=np.float16(context.attribute("alpha", 1.0)))


def softmax(context: LoweringContext) -> Variable:
    """Lower Softmax along one axis, by default the last, to softmax, in float16 on real values.

    The shape stays; results are rounded to float16.
    """
    return mb.softmax(x=context.read(0), axis=context.attribute("axis", -1))


def refuse_dropout(operation: Operation) -> str | None:
    """Return a reason if a Dropout is in training mode or its mask is used, else None.

    The reason is a clause without a full stop.
    """
    training = operation.inputs[2] if len(operation.inputs) > 2 else None
    if training is not None and (training.data is None or bool(training.data)):
        return "it is in training mode; export the model in evaluation mode"
    if len(operation.outputs) > 1 and operation.outputs[1].name:
        return "its mask is used, which exists in training alone"
    return None
