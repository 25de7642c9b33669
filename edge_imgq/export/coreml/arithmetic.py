"""Lowering of elementwise operators and reductions to Core ML, in float16.

Operators that commute with a scaling work on values divided by the result's unit
(`edge_imgq.export.coreml.integer_units`), others on real values (unit 1). Operands have any shapes
that broadcast as in NumPy. Results are rounded to float16 unless a docstring says "Exact".
Constants are rounded to float16; one beyond its range raises ModelError.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import MIN_FLOAT16, LoweringContext, Variable, mb
from edge_imgq.export.coreml.shape import integers
from edge_imgq.graph.network import Operation

FLOAT16_MAX = float(np.finfo(np.float16).max)
SECOND_FACTOR = 256.0
"""A constant beyond float16's range is applied as two factors, one of which is this."""


def add(context: LoweringContext) -> Variable:
    """Lower Add to add, with broadcasting, in float16.

    Operands and sum are divided by `context.unit`, 1 in a float file. The sum is rounded to
    float16, and so is an operand whose scale is another.
    """
    return mb.add(x=context.read(0), y=context.read(1))


def sub(context: LoweringContext) -> Variable:
    """Lower Sub to sub, with broadcasting, in float16.

    Operands and result are divided by `context.unit`, 1 in a float file. The difference is rounded
    to float16, and so is an operand whose scale is another.
    """
    return mb.sub(x=context.read(0), y=context.read(1))


def mul(context: LoweringContext) -> Variable:
    """Lower Mul to mul, with broadcasting, in float16.

    The product is divided by `context.unit`, 1 in a float file, and rounded to float16. A constant
    beyond float16's range is applied as two factors, one of them 256.

    Raises:
        ModelError: a constant divided by `context.unit` exceeds 256 times float16's range, or an
            activation is not int8 with one scale.
    """
    for index in (0, 1):
        constant = context.operation.operand(index)
        if constant.data is not None and _largest(context, index) > FLOAT16_MAX:
            product = mb.mul(
                x=context.read(1 - index, 1.0), y=context.read(index, context.unit * SECOND_FACTOR)
            )
            return mb.mul(x=product, y=np.float16(SECOND_FACTOR))
    x, y = context.factors()
    return mb.mul(x=x, y=y)


def _largest(context: LoweringContext, index: int) -> float:
    return float(np.abs(context.constant(index)).max()) / context.unit


def div(context: LoweringContext) -> Variable:
    """Lower Div to real_div, in float16 on real values, with broadcasting.

    Division by 0 gives infinity or NaN.
    """
    return mb.real_div(x=context.read(0), y=context.read(1))


def power(context: LoweringContext) -> Variable:
    """Lower Pow, with broadcasting, to pow, in float16 on real values; rounded to float16.

    One constant exponent of −½ becomes rsqrt, which adds the least float16 above 0 to its operand.
    """
    exponent = context.operation.operand(1).data
    if exponent is not None and exponent.size == 1 and float(exponent.reshape(-1)[0]) == -0.5:
        return mb.rsqrt(x=context.read(0), epsilon=MIN_FLOAT16)
    return mb.pow(x=context.read(0), y=context.read(1))


def minimum(context: LoweringContext) -> Variable:
    """Lower Min of any number of operands to a chain of minimum, in float16.

    Operands and result are divided by `context.unit`, 1 in a float file. Operands are broadcast.
    Exact for operands at the result's scale; others are rounded to float16.
    """
    operands = [context.read(index) for index in range(len(context.operation.inputs))]
    return functools.reduce(lambda x, y: mb.minimum(x=x, y=y), operands)


def maximum(context: LoweringContext) -> Variable:
    """Lower Max of any number of operands to a chain of maximum, in float16.

    Operands and result are divided by `context.unit`, 1 in a float file. Operands are broadcast.
    Exact for operands at the result's scale; others are rounded to float16.
    """
    operands = [context.read(index) for index in range(len(context.operation.inputs))]
    return functools.reduce(lambda x, y: mb.maximum(x=x, y=y), operands)


def identity(context: LoweringContext) -> Variable:
    """Lower Identity, Dropout and Requantize to the input, in float16.

    The result is divided by `context.unit`, 1 in a float file. Exact, unless the result is
    quantized at another scale than the input.
    """
    return context.read(0)


def absolute(context: LoweringContext) -> Variable:
    """Lower Abs to abs, elementwise in float16, divided by `context.unit`, 1 in float files.

    Exact if input and result have one scale; else the input is rounded to float16.
    """
    return mb.abs(x=context.read(0))


def rounded(context: LoweringContext) -> Variable:
    """Lower Round to round, elementwise, half to even, in float16 on real values. Exact."""
    return mb.round(x=context.read(0))


def floor(context: LoweringContext) -> Variable:
    """Lower Floor to floor, elementwise, in float16 on real values. Exact."""
    return mb.floor(x=context.read(0))


def ceiling(context: LoweringContext) -> Variable:
    """Lower Ceil to ceil, elementwise, in float16 on real values. Exact."""
    return mb.ceil(x=context.read(0))


def sign(context: LoweringContext) -> Variable:
    """Lower Sign to sign, elementwise, in float16 on real values: −1, 0 or 1. Exact."""
    return mb.sign(x=context.read(0))


def negative(context: LoweringContext) -> Variable:
    """Lower Neg to a product with −1, in float16 divided by `context.unit` (1 in a float file).

    Exact if input and result have one scale; else the input is rounded to float16.
    """
    return mb.mul(x=context.read(0), y=np.float16(-1))


def square_root(context: LoweringContext) -> Variable:
    """Lower Sqrt to sqrt, elementwise, in float16 on real values, rounded; NaN below 0."""
    return mb.sqrt(x=context.read(0))


def reciprocal(context: LoweringContext) -> Variable:
    """Lower Reciprocal to real_div of 1 by the input, elementwise, in float16 on real values.

    Infinite at 0. Core ML's own inverse is not used, because it adds an epsilon to the divisor.
    """
    return mb.real_div(x=np.float16(1), y=context.read(0))


def exponential(context: LoweringContext) -> Variable:
    """Lower Exp to exp, elementwise, in float16 on real values; infinite from about 11.1 on."""
    return mb.exp(x=context.read(0))


def logarithm(context: LoweringContext) -> Variable:
    """Lower Log, the natural logarithm, to log, elementwise, in float16 on real values.

    Core ML adds an epsilon to its operand: MIN_FLOAT16, 2⁻²⁴, the smallest that it takes. So log 0
    is not −infinity; below −2⁻²⁴ the result is NaN.
    """
    return mb.log(x=context.read(0), epsilon=MIN_FLOAT16)


def sine(context: LoweringContext) -> Variable:
    """Lower Sin to sin of radians, elementwise, in float16 on real values; rounded to float16."""
    return mb.sin(x=context.read(0))


def cosine(context: LoweringContext) -> Variable:
    """Lower Cos to cos of radians, elementwise, in float16 on real values; rounded to float16."""
    return mb.cos(x=context.read(0))


def reduce_mean(context: LoweringContext) -> Variable:
    """Lower ReduceMean over constant axes, by default all, to reduce_mean, in float16.

    Values are divided by `context.unit`, 1 in a float file; the mean is rounded to float16. Without
    axes and with `noop_with_empty_axes`, the input is returned. Axes are kept with length 1 unless
    `keepdims` is 0.
    """
    return _reduced(context, mb.reduce_mean)


def reduce_max(context: LoweringContext) -> Variable:
    """Lower ReduceMax over constant axes, by default all, to reduce_max, in float16.

    Exact if input and result have one scale. Without axes and with `noop_with_empty_axes`, the
    input is returned. Axes are kept with length 1 unless `keepdims` is 0.
    """
    return _reduced(context, mb.reduce_max)


def reduce_min(context: LoweringContext) -> Variable:
    """Lower ReduceMin over constant axes, by default all, to reduce_min, in float16.

    Exact if input and result have one scale. Without axes and with `noop_with_empty_axes`, the
    input is returned. Axes are kept with length 1 unless `keepdims` is 0.
    """
    return _reduced(context, mb.reduce_min)


def _reduced(context: LoweringContext, operator: Any) -> Variable:
    x = context.read(0)
    axes = [axis % x.rank for axis in integers(context.operation, 1, "axes")]
    if not axes and context.attribute("noop_with_empty_axes", 0):
        return x
    keep = bool(context.attribute("keepdims", 1))
    return operator(x=x, axes=sorted(axes) or list(range(x.rank)), keep_dims=keep)


def accept(operation: Operation) -> str | None:  # noqa: ARG001
    """Return None: an operation whose lowering covers every use is never refused."""
    return None
