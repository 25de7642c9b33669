"""Elementwise operators of the evaluator, and the reductions and norms made of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments


def add(arguments: Arguments) -> Tensor:
    """`add`, with broadcasting."""
    return arguments.tensor("x") + arguments.tensor("y")


def sub(arguments: Arguments) -> Tensor:
    """`sub`, with broadcasting."""
    return arguments.tensor("x") - arguments.tensor("y")


def mul(arguments: Arguments) -> Tensor:
    """`mul`, with broadcasting."""
    return arguments.tensor("x") * arguments.tensor("y")


def real_div(arguments: Arguments) -> Tensor:
    """`real_div`, with broadcasting."""
    return arguments.tensor("x") / arguments.tensor("y")


def power(arguments: Arguments) -> Tensor:
    """`pow`, with broadcasting."""
    return torch.pow(arguments.tensor("x"), arguments.tensor("y"))


def maximum(arguments: Arguments) -> Tensor:
    """`maximum`, with broadcasting."""
    return torch.maximum(arguments.tensor("x"), arguments.tensor("y"))


def minimum(arguments: Arguments) -> Tensor:
    """`minimum`, with broadcasting."""
    return torch.minimum(arguments.tensor("x"), arguments.tensor("y"))


def absolute(arguments: Arguments) -> Tensor:
    """`abs`."""
    return arguments.tensor("x").abs()


def rounded(arguments: Arguments) -> Tensor:
    """`round`: to the nearest integer, half to even."""
    return arguments.tensor("x").round()


def floor(arguments: Arguments) -> Tensor:
    """`floor`."""
    return arguments.tensor("x").floor()


def ceiling(arguments: Arguments) -> Tensor:
    """`ceil`."""
    return arguments.tensor("x").ceil()


def sign(arguments: Arguments) -> Tensor:
    """`sign`: −1, 0 or 1."""
    return arguments.tensor("x").sign()


def square_root(arguments: Arguments) -> Tensor:
    """`sqrt`."""
    return arguments.tensor("x").sqrt()


def inverse_square_root(arguments: Arguments) -> Tensor:
    """`rsqrt`: 1 / sqrt(x + epsilon)."""
    return (arguments.tensor("x") + arguments.number("epsilon", 1e-12)).rsqrt()


def inverse(arguments: Arguments) -> Tensor:
    """`inverse`: 1 / (x + epsilon)."""
    return (arguments.tensor("x") + arguments.number("epsilon", 1e-4)).reciprocal()


def exponential(arguments: Arguments) -> Tensor:
    """`exp`."""
    return arguments.tensor("x").exp()


def logarithm(arguments: Arguments) -> Tensor:
    """`log`: log(x + epsilon)."""
    return (arguments.tensor("x") + arguments.number("epsilon", 1e-45)).log()


def error_function(arguments: Arguments) -> Tensor:
    """`erf`."""
    return arguments.tensor("x").erf()


def square(arguments: Arguments) -> Tensor:
    """`square`."""
    return arguments.tensor("x").square()


def reduce_mean(arguments: Arguments) -> Tensor:
    """`reduce_mean` over axes, all of them when none is named."""
    x = arguments.tensor("x")
    return x.mean(arguments.ints("axes", list(range(x.ndim))), arguments.flag("keep_dims"))


def reduce_sum(arguments: Arguments) -> Tensor:
    """`reduce_sum` over axes, all of them when none is named."""
    x = arguments.tensor("x")
    return x.sum(arguments.ints("axes", list(range(x.ndim))), arguments.flag("keep_dims"))


def reduce_max(arguments: Arguments) -> Tensor:
    """`reduce_max` over axes, all of them when none is named."""
    x = arguments.tensor("x")
    return x.amax(arguments.ints("axes", list(range(x.ndim))), arguments.flag("keep_dims"))


def reduce_min(arguments: Arguments) -> Tensor:
    """`reduce_min`, likewise."""
    x = arguments.tensor("x")
    return x.amin(arguments.ints("axes", list(range(x.ndim))), arguments.flag("keep_dims"))


def sine(arguments: Arguments) -> Tensor:
    """`sin`."""
    return arguments.tensor("x").sin()


def cosine(arguments: Arguments) -> Tensor:
    """`cos`."""
    return arguments.tensor("x").cos()


def batch_norm(arguments: Arguments) -> Tensor:
    """`batch_norm` with stored statistics."""
    return F.batch_norm(
        arguments.tensor("x"),
        arguments.tensor("mean"),
        arguments.tensor("variance"),
        arguments.optional("gamma"),
        arguments.optional("beta"),
        eps=arguments.number("epsilon", 1e-5),
    )


def instance_norm(arguments: Arguments) -> Tensor:
    """`instance_norm` over the image of each channel."""
    return F.instance_norm(
        arguments.tensor("x"),
        weight=arguments.optional("gamma"),
        bias=arguments.optional("beta"),
        eps=arguments.number("epsilon", 1e-5),
    )
