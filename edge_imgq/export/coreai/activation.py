"""Lowering of MIL activations to Core AI."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.export.coreai.arguments import Arguments, ai, constant


def clip(arguments: Arguments) -> Any:
    """Lower `clip` between `alpha` and `beta`."""
    bounds = (arguments.number(key) for key in ("alpha", "beta"))
    return clipped(arguments, "x", arguments.value("x"), *bounds)


def clipped(arguments: Arguments, key: str, x: Any, low: float, high: float) -> Any:
    """Clip a value to bounds, in the element type of operand `key`."""
    least, most = (constant(np.asarray(bound, arguments.type_of(key))) for bound in (low, high))
    return ai.broadcasting_minimum(ai.broadcasting_maximum(x, least), most)


def leaky_relu(arguments: Arguments) -> Any:
    """Lower `leaky_relu` with one slope `alpha`."""
    return _sloped(arguments, _number(arguments, arguments.number("alpha")))


def prelu(arguments: Arguments) -> Any:
    """Lower `prelu` with one slope per channel (axis 1)."""
    slopes = arguments.array("alpha").reshape(-1, *[1] * (len(arguments.shape) - 2))
    return _sloped(arguments, constant(slopes))


def _sloped(arguments: Arguments, slopes: Any) -> Any:
    """Return max(x, 0) + slopes · min(x, 0)."""
    x, zero = arguments.value("x"), _number(arguments, 0)
    below = ai.broadcasting_mul(ai.broadcasting_minimum(x, zero), slopes)
    return ai.broadcasting_add(ai.relu(x), below)


def hard_sigmoid(arguments: Arguments) -> Any:
    """Lower `sigmoid_hard` to clip(alpha · x + beta, 0, 1)."""
    alpha, beta = arguments.number("alpha", 0.2), arguments.number("beta", 0.5)
    scaled = ai.broadcasting_mul(arguments.value("x"), _number(arguments, alpha))
    return clipped(arguments, "x", ai.broadcasting_add(scaled, _number(arguments, beta)), 0, 1)


def elu(arguments: Arguments) -> Any:
    """Lower `elu` to max(x, 0) + alpha · (exp(min(x, 0)) − 1)."""
    x = arguments.value("x")
    power = ai.exp(ai.broadcasting_minimum(x, _number(arguments, 0)))
    below = ai.broadcasting_sub(power, _number(arguments, 1))
    alpha = _number(arguments, arguments.number("alpha", 1.0))
    return ai.broadcasting_add(ai.relu(x), ai.broadcasting_mul(below, alpha))


GELU = {"EXACT": "none", "TANH_APPROXIMATION": "tanh"}
"""Core AI's name of each `gelu` mode."""


def gelu(arguments: Arguments) -> Any:
    """Lower `gelu`, exact or with the tanh approximation."""
    return ai.gelu(arguments.value("x"), approximate=GELU[arguments.text("mode", "EXACT")])


def softmax(arguments: Arguments) -> Any:
    """Lower `softmax` along one axis."""
    axis = int(arguments.number("axis", -1)) % len(arguments.shape)
    return ai.softmax(arguments.value("x"), np.int32(axis))


def _number(arguments: Arguments, number: float) -> Any:
    """Return a constant in the element type of the operand."""
    return constant(np.asarray(number, arguments.type_of("x")))
