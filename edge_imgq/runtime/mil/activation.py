"""Activation functions of MIL, computed in torch.

Each is elementwise, unless it says otherwise, and returns the shape of `x`. It computes in float32,
to which float16 is widened; `Evaluator` then rounds the result to the type that the program
declares.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments


def relu(arguments: Arguments) -> Tensor:
    """Return max(x, 0), elementwise: MIL `relu`. Exact."""
    return arguments.tensor("x").clamp_min(0.0)


def relu6(arguments: Arguments) -> Tensor:
    """Return x clipped to 0 … 6, elementwise: MIL `relu6`. Exact."""
    return arguments.tensor("x").clamp(0.0, 6.0)


def leaky_relu(arguments: Arguments) -> Tensor:
    """Return x where x ≥ 0, else alpha · x, elementwise in float32: MIL `leaky_relu`.

    `alpha` is a constant scalar and must be given, else KeyError.
    """
    return F.leaky_relu(arguments.tensor("x"), arguments.number("alpha"))


def prelu(arguments: Arguments) -> Tensor:
    """Return x where x ≥ 0, else alpha · x, in float32: MIL `prelu`.

    x is (N, C, …), `alpha` (C,) or (1,), one slope for each channel or for all.

    Raises:
        RuntimeError: `alpha` has another length.
    """
    return F.prelu(arguments.tensor("x"), arguments.tensor("alpha"))


def clip(arguments: Arguments) -> Tensor:
    """Return x clipped to `alpha` … `beta`, elementwise: MIL `clip`. Exact.

    Both are constant scalars and must be given, else KeyError.
    """
    return arguments.tensor("x").clamp(arguments.number("alpha"), arguments.number("beta"))


def sigmoid(arguments: Arguments) -> Tensor:
    """Return 1 / (1 + exp(−x)), 0 to 1, elementwise in float32: MIL `sigmoid`."""
    return arguments.tensor("x").sigmoid()


def sigmoid_hard(arguments: Arguments) -> Tensor:
    """Return alpha · x + beta clipped to 0 … 1, elementwise in float32: MIL `sigmoid_hard`.

    alpha is 0.2 and beta 0.5 by default, constant scalars.
    """
    alpha, beta = arguments.number("alpha", 0.2), arguments.number("beta", 0.5)
    return (alpha * arguments.tensor("x") + beta).clamp(0.0, 1.0)


def tanh(arguments: Arguments) -> Tensor:
    """Return the hyperbolic tangent of x, −1 to 1, elementwise in float32: MIL `tanh`."""
    return arguments.tensor("x").tanh()


def silu(arguments: Arguments) -> Tensor:
    """Return x · sigmoid(x), elementwise in float32: MIL `silu`."""
    return F.silu(arguments.tensor("x"))


def gelu(arguments: Arguments) -> Tensor:
    """Return the GELU of x, elementwise in float32: MIL `gelu`, in the form that `mode` names.

    EXACT (the default) is x · Φ(x) by erf, TANH_APPROXIMATION replaces Φ by a tanh polynomial, and
    SIGMOID_APPROXIMATION is x · sigmoid(1.702 · x).
    """
    x = arguments.tensor("x")
    mode = arguments.text("mode", "EXACT")
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return F.gelu(x, approximate="tanh" if mode == "TANH_APPROXIMATION" else "none")


def elu(arguments: Arguments) -> Tensor:
    """Return x where x > 0, else alpha · (exp(x) − 1), elementwise in float32: MIL `elu`.

    alpha is 1 by default, a constant scalar.
    """
    return F.elu(arguments.tensor("x"), arguments.number("alpha", 1.0))


def softplus(arguments: Arguments) -> Tensor:
    """Return log(1 + exp(x)), elementwise in float32: MIL `softplus`.

    The formula applies to all x; torch's default returns x itself above 20.
    """
    return F.softplus(arguments.tensor("x"), threshold=math.inf)


def softmax(arguments: Arguments) -> Tensor:
    """Return exp(x) divided by its sum along `axis`, in float32: MIL `softmax`.

    The axis is the last by default. The shape is that of x; the values are 0 to 1.
    """
    return arguments.tensor("x").softmax(int(arguments.number("axis", -1)))
