"""Activations of the evaluator."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments


def relu(arguments: Arguments) -> Tensor:
    """`relu`."""
    return arguments.tensor("x").clamp_min(0.0)


def relu6(arguments: Arguments) -> Tensor:
    """`relu6`."""
    return arguments.tensor("x").clamp(0.0, 6.0)


def leaky_relu(arguments: Arguments) -> Tensor:
    """`leaky_relu` with one slope `alpha`."""
    return F.leaky_relu(arguments.tensor("x"), arguments.number("alpha"))


def prelu(arguments: Arguments) -> Tensor:
    """`prelu` with one slope per channel (axis 1)."""
    return F.prelu(arguments.tensor("x"), arguments.tensor("alpha"))


def clip(arguments: Arguments) -> Tensor:
    """`clip` between `alpha` and `beta`."""
    return arguments.tensor("x").clamp(arguments.number("alpha"), arguments.number("beta"))


def sigmoid(arguments: Arguments) -> Tensor:
    """`sigmoid`."""
    return arguments.tensor("x").sigmoid()


def sigmoid_hard(arguments: Arguments) -> Tensor:
    """`sigmoid_hard`: clip(alpha · x + beta, 0, 1)."""
    alpha, beta = arguments.number("alpha", 0.2), arguments.number("beta", 0.5)
    return (alpha * arguments.tensor("x") + beta).clamp(0.0, 1.0)


def tanh(arguments: Arguments) -> Tensor:
    """`tanh`."""
    return arguments.tensor("x").tanh()


def silu(arguments: Arguments) -> Tensor:
    """`silu`: x · sigmoid(x)."""
    return F.silu(arguments.tensor("x"))


def gelu(arguments: Arguments) -> Tensor:
    """`gelu`, exact or in one of its two approximations."""
    x = arguments.tensor("x")
    mode = arguments.text("mode", "EXACT")
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return F.gelu(x, approximate="tanh" if mode == "TANH_APPROXIMATION" else "none")


def elu(arguments: Arguments) -> Tensor:
    """`elu`."""
    return F.elu(arguments.tensor("x"), arguments.number("alpha", 1.0))


def softplus(arguments: Arguments) -> Tensor:
    """`softplus`: log(1 + exp(x))."""
    return F.softplus(arguments.tensor("x"), threshold=math.inf)


def softmax(arguments: Arguments) -> Tensor:
    """`softmax` along one axis."""
    return arguments.tensor("x").softmax(int(arguments.number("axis", -1)))
