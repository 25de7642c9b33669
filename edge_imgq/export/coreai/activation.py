"""Lowering of MIL activations to Core AI.

Each function adds operators to the program and returns the Core AI value of the result, which has
the shape and element type (float16 or float32) of operand `x`. The runtime computes in that type.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai, constant


def clip(arguments: Arguments) -> Any:
    """Lower `clip` of x to a maximum with `alpha` and a minimum with `beta`, elementwise.

    Both are constant scalars. Exact, but for their rounding to the element type of x.
    """
    bounds = (arguments.number(key) for key in ("alpha", "beta"))
    return clipped(arguments, "x", arguments.value("x"), *bounds)


def clipped(arguments: Arguments, key: str, x: Any, low: float, high: float) -> Any:
    """Clip a Core AI value elementwise: min(max(x, low), high).

    Exact, but the bounds are rounded to the element type of operand `key`.

    Args:
        arguments: arguments of the operation.
        key: operand whose element type, float16 or float32, the bounds get.
        x: value to clip, of that type and any shape.
        low: lower bound.
        high: upper bound.
    """
    least, most = (constant(np.asarray(bound, arguments.type_of(key))) for bound in (low, high))
    return ai.broadcasting_minimum(ai.broadcasting_maximum(x, least), most)


def leaky_relu(arguments: Arguments) -> Any:
    """Lower `leaky_relu` to max(x, 0) + alpha · min(x, 0), elementwise.

    The constant scalar `alpha` and the result are rounded to the element type of x, float16 or
    float32.
    """
    return _sloped(arguments, _number(arguments, arguments.number("alpha")))


def prelu(arguments: Arguments) -> Any:
    """Lower `prelu` on (N, C, …) to max(x, 0) + alpha · min(x, 0).

    `alpha` is a constant (C,). Rounded to the element type of x, float16 or float32.
    """
    slopes = arguments.array("alpha").reshape(-1, *[1] * (len(arguments.shape) - 2))
    return _sloped(arguments, constant(slopes))


def _sloped(arguments: Arguments, slopes: Any) -> Any:
    """Return max(x, 0) + slopes · min(x, 0)."""
    x, zero = arguments.value("x"), _number(arguments, 0)
    below = ai.broadcasting_mul(ai.broadcasting_minimum(x, zero), slopes)
    return ai.broadcasting_add(ai.relu(x), below)


def hard_sigmoid(arguments: Arguments) -> Any:
    """Lower `sigmoid_hard` to clip(alpha · x + beta, 0, 1), elementwise.

    By default alpha is 0.2 and beta 0.5. Constants and steps are rounded to the element type of x,
    float16 or float32.
    """
    alpha, beta = arguments.number("alpha", 0.2), arguments.number("beta", 0.5)
    scaled = ai.broadcasting_mul(arguments.value("x"), _number(arguments, alpha))
    return clipped(arguments, "x", ai.broadcasting_add(scaled, _number(arguments, beta)), 0, 1)


def elu(arguments: Arguments) -> Any:
    """Lower `elu` to max(x, 0) + alpha · (exp(min(x, 0)) − 1), elementwise; by default alpha is 1.

    Every step is rounded to the element type of x, float16 or float32, so results near 0 from below
    lose digits in exp − 1.
    """
    x = arguments.value("x")
    power = ai.exp(ai.broadcasting_minimum(x, _number(arguments, 0)))
    below = ai.broadcasting_sub(power, _number(arguments, 1))
    alpha = _number(arguments, arguments.number("alpha", 1.0))
    return ai.broadcasting_add(ai.relu(x), ai.broadcasting_mul(below, alpha))


GELU = {"EXACT": "none", "TANH_APPROXIMATION": "tanh"}
"""Core AI's names of MIL's `gelu` modes; it has none for SIGMOID_APPROXIMATION."""


def gelu(arguments: Arguments) -> Any:
    """Lower `gelu`, elementwise, by erf (mode EXACT, the default) or with the tanh approximation.

    Rounded to the element type of x, float16 or float32.

    Raises:
        KeyError: the mode is SIGMOID_APPROXIMATION.
    """
    return ai.gelu(arguments.value("x"), approximate=GELU[arguments.text("mode", "EXACT")])


def softmax(arguments: Arguments) -> Any:
    """Lower `softmax` of x, of any rank, along `axis`, by default the last.

    `axis` may be negative. The shape stays; results are rounded to the element type of x, float16
    or float32.
    """
    axis = int(arguments.number("axis", -1)) % len(arguments.shape)
    return ai.softmax(arguments.value("x"), np.int32(axis))


def _number(arguments: Arguments, number: float) -> Any:
    """Return a constant scalar in the element type of operand `x`."""
    return constant(np.asarray(number, arguments.type_of("x")))
