"""Lowering of MIL activations to Core AI.

Each function adds operators to the program and returns the Core AI value of the result, which has
the shape and element type (float16 or float32) of operand `x`. The runtime computes in that type.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai, constant


def clip(arguments: Arguments) -> Any:
    """Lower `clip` of x to `alpha` … `beta`, constant scalars, as a maximum and minimum. Exact."""
    bounds = (arguments.number(key) for key in ("alpha", "beta"))
    return clipped(arguments, "x", arguments.value("x"), *bounds)


def clipped(arguments: Arguments, key: str, x: Any, low: float, high: float) -> Any:
    """Clip a value to two bounds, as a maximum and a minimum. Exact but for the bounds' rounding.

    Args:
        arguments: arguments of the operation.
        key: operand whose element type the bounds get.
        x: value to clip.
        low: lower bound.
        high: upper bound.
    """
    least, most = (constant(np.asarray(bound, arguments.type_of(key))) for bound in (low, high))
    return ai.broadcasting_minimum(ai.broadcasting_maximum(x, least), most)


def leaky_relu(arguments: Arguments) -> Any:
    """Lower `leaky_relu` to max(x, 0) + alpha · min(x, 0), in the element type of x."""
    return _sloped(arguments, _number(arguments, arguments.number("alpha")))


def prelu(arguments: Arguments) -> Any:
    """Lower `prelu` on (N, C, …) to max(x, 0) + alpha · min(x, 0); `alpha` is a constant (C,)."""
    slopes = arguments.array("alpha").reshape(-1, *[1] * (len(arguments.shape) - 2))
    return _sloped(arguments, constant(slopes))


def _sloped(arguments: Arguments, slopes: Any) -> Any:
    """Return max(x, 0) + slopes · min(x, 0)."""
    x, zero = arguments.value("x"), _number(arguments, 0)
    below = ai.broadcasting_mul(ai.broadcasting_minimum(x, zero), slopes)
    return ai.broadcasting_add(ai.relu(x), below)


def hard_sigmoid(arguments: Arguments) -> Any:
    """Lower `sigmoid_hard` to clip(alpha · x + beta, 0, 1); the defaults are 0.2 and 0.5."""
    alpha, beta = arguments.number("alpha", 0.2), arguments.number("beta", 0.5)
    scaled = ai.broadcasting_mul(arguments.value("x"), _number(arguments, alpha))
    return clipped(arguments, "x", ai.broadcasting_add(scaled, _number(arguments, beta)), 0, 1)


def elu(arguments: Arguments) -> Any:
    """Lower `elu` to max(x, 0) + alpha · (exp(min(x, 0)) − 1); by default alpha is 1."""
    x = arguments.value("x")
    power = ai.exp(ai.broadcasting_minimum(x, _number(arguments, 0)))
    below = ai.broadcasting_sub(power, _number(arguments, 1))
    alpha = _number(arguments, arguments.number("alpha", 1.0))
    return ai.broadcasting_add(ai.relu(x), ai.broadcasting_mul(below, alpha))


GELU = {"EXACT": "none", "TANH_APPROXIMATION": "tanh"}
"""Core AI's names of MIL's `gelu` modes; it has none for SIGMOID_APPROXIMATION."""


def gelu(arguments: Arguments) -> Any:
    """Lower `gelu`, exact (by erf) or with the tanh approximation, as `mode` says.

    Raises:
        KeyError: the mode is SIGMOID_APPROXIMATION.
    """
    return ai.gelu(arguments.value("x"), approximate=GELU[arguments.text("mode", "EXACT")])


def softmax(arguments: Arguments) -> Any:
    """Lower `softmax` along one axis, by default the last, in the element type of x."""
    axis = int(arguments.number("axis", -1)) % len(arguments.shape)
    return ai.softmax(arguments.value("x"), np.int32(axis))


def _number(arguments: Arguments, number: float) -> Any:
    """Return a constant scalar in the element type of operand `x`."""
    return constant(np.asarray(number, arguments.type_of("x")))
