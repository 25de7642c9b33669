"""Lowering of elementwise operators, reductions and matrix products to Core AI.

The runtime computes in the element type of the operands, float16 or float32, unless a function says
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai, constant

Lowering = Callable[[Arguments], Any]


def of_one(build: Callable[[Any], Any]) -> Lowering:
    """Return a lowering of an elementwise unary operator: `build` applied to operand `x`.

    `build` is Core AI's builder of the operator, whose result has the shape and element type of
    `x`.
    """
    return lambda arguments: build(arguments.value("x"))


def of_two(build: Callable[[Any, Any], Any]) -> Lowering:
    """Return a lowering of a binary operator: `build` applied to operands `x` and `y`.

    `build` is Core AI's builder of the operator, which broadcasts as NumPy does and computes in the
    element type of the operands.
    """
    return lambda arguments: build(arguments.value("x"), arguments.value("y"))


def rounded_down(arguments: Arguments) -> Any:
    """Lower `floor` of x, elementwise, computed in float32. Exact.

    The result has the element type of x; docs/coreai.md cites why float16 is widened.
    """
    return _floor(arguments, arguments.value("x"))


def rounded_up(arguments: Arguments) -> Any:
    """Lower `ceil` of x to −floor(−x), elementwise, computed in float32. Exact.

    The result has the element type of x.
    """
    minus = constant(np.asarray(-1, arguments.type_of("x")))
    x = ai.broadcasting_mul(arguments.value("x"), minus)
    return ai.broadcasting_mul(_floor(arguments, x), minus)


def _floor(arguments: Arguments, x: Any) -> Any:
    wide = ai.cast(x, np.float32)
    return ai.cast(
        ai.broadcasting_floor_divide(wide, constant(np.float32(1))), arguments.type_of("x").type
    )


def sign(arguments: Arguments) -> Any:
    """Lower `sign` to (x > 0) − (x < 0), elementwise: −1, 0 or 1, and 0 for NaN. Exact.

    The result has the element type of x.
    """
    x, own = ai.cast(arguments.value("x"), np.float32), arguments.type_of("x").type
    zero = constant(np.float32(0))
    positive = ai.cast(ai.broadcasting_greater(x, zero), own)
    return ai.broadcasting_sub(positive, ai.cast(ai.broadcasting_greater(zero, x), own))


def inverse_root(arguments: Arguments) -> Any:
    """Lower `rsqrt` to 1 / √(x + epsilon), elementwise in the element type of x.

    epsilon is 1e-12 by default, which in float16 is 0.
    """
    return ai.rsqrt(_above(arguments, 1e-12))


def logarithm(arguments: Arguments) -> Any:
    """Lower `log` to ln(x + epsilon), elementwise in the element type of x.

    epsilon is 1e-45 by default, which in float16 is 0. NaN where x + epsilon is below 0.
    """
    return ai.log(_above(arguments, 1e-45))


def _above(arguments: Arguments, default: float) -> Any:
    """Return operand `x` plus `epsilon`, rounded to its element type."""
    epsilon = np.asarray(arguments.number("epsilon", default), arguments.type_of("x"))
    x = arguments.value("x")
    return ai.broadcasting_add(x, constant(epsilon)) if epsilon else x


def reduced(build: Callable[[Any, Any], Any]) -> Lowering:
    """Return a lowering of a reduction over `axes`, by default all.

    Reduced axes are dropped, or kept with length 1 where `keep_dims` is set.

    Args:
        build: Core AI's reduction, of a value and its axes, which keeps them with length 1.
    """

    def lowering(arguments: Arguments) -> Any:
        rank = len(arguments.shape_of("x"))
        axes = sorted(axis % rank for axis in arguments.integers("axes", range(rank)))
        result = build(arguments.value("x"), np.asarray(axes, np.int32))
        if arguments.flag("keep_dims"):
            return result
        return ai.reshape(result, np.asarray(arguments.shape, np.int32))

    return lowering


def matmul(arguments: Arguments) -> Any:
    """Lower `matmul` of (…, M, K) and (…, K, N) to (…, M, N), batched with broadcasting.

    `transpose_x` and `transpose_y` swap the last two axes of their operand first. Computed in the
    element type of the operands, float16 or float32.
    """
    x, y = (_turned(arguments, key) for key in "xy")
    return ai.broadcasting_batch_matmul(x, y)


def _turned(arguments: Arguments, key: str) -> Any:
    value, rank = arguments.value(key), len(arguments.shape_of(key))
    if not arguments.flag(f"transpose_{key}"):
        return value
    order = [*range(rank - 2), rank - 1, rank - 2]
    return ai.transpose(value, np.asarray(order, np.uint32))


def linear(arguments: Arguments) -> Any:
    """Lower `linear` to x · weightᵀ + bias: x (…, C_in), weight (C_out, C_in), result (…, C_out).

    Weight and bias, (C_out,), are constants; the bias may be absent. Computed in the element type
    of the operands, float16 or float32.
    """
    weight = constant(np.swapaxes(arguments.array("weight"), -1, -2))
    product = ai.broadcasting_batch_matmul(arguments.value("x"), weight)
    return (
        ai.broadcasting_add(product, arguments.value("bias")) if arguments.has("bias") else product
    )
