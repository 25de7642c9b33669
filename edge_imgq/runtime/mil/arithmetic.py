"""Elementwise arithmetic, reductions and normalisation of MIL, computed in torch.

Operands of two-operand functions broadcast as in NumPy. Float16 is widened to float32, in which
everything is computed; integers stay integers. `Evaluator` then rounds each result to the type that
the program declares.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.runtime.mil.arguments import Arguments


def add(arguments: Arguments) -> Tensor:
    """Return x + y with broadcasting: MIL `add`; float16 is added in float32.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") + arguments.tensor("y")


def sub(arguments: Arguments) -> Tensor:
    """Return x − y with broadcasting: MIL `sub`; float16 is subtracted in float32.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") - arguments.tensor("y")


def mul(arguments: Arguments) -> Tensor:
    """Return x · y with broadcasting: MIL `mul`; float16 is multiplied in float32.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") * arguments.tensor("y")


def real_div(arguments: Arguments) -> Tensor:
    """Return x / y with broadcasting, as float32 even for integers: MIL `real_div`.

    Division by 0 gives infinity or NaN.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return arguments.tensor("x") / arguments.tensor("y")


def power(arguments: Arguments) -> Tensor:
    """Return x to the power y, with broadcasting: MIL `pow`; float16 is computed in float32.

    NaN for a negative x and a fractional y.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return torch.pow(arguments.tensor("x"), arguments.tensor("y"))


def maximum(arguments: Arguments) -> Tensor:
    """Return the larger of x and y with broadcasting: MIL `maximum`. Exact; NaN if either is NaN.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return torch.maximum(arguments.tensor("x"), arguments.tensor("y"))


def minimum(arguments: Arguments) -> Tensor:
    """Return the smaller of x and y with broadcasting: MIL `minimum`. Exact; NaN if either is NaN.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return torch.minimum(arguments.tensor("x"), arguments.tensor("y"))


def absolute(arguments: Arguments) -> Tensor:
    """Return |x|, elementwise, of floats or integers: MIL `abs`. Exact."""
    return arguments.tensor("x").abs()


def rounded(arguments: Arguments) -> Tensor:
    """Round x to the nearest integer, half to even, elementwise: MIL `round`. Exact."""
    return arguments.tensor("x").round()


def floor(arguments: Arguments) -> Tensor:
    """Return the largest integer ≤ x, elementwise, in float32 for floats: MIL `floor`. Exact."""
    return arguments.tensor("x").floor()


def ceiling(arguments: Arguments) -> Tensor:
    """Return the smallest integer ≥ x, elementwise, in float32 for floats: MIL `ceil`. Exact."""
    return arguments.tensor("x").ceil()


def sign(arguments: Arguments) -> Tensor:
    """Return −1, 0 or 1, the sign of x, elementwise: MIL `sign`. Exact; 0 for NaN."""
    return arguments.tensor("x").sign()


def square_root(arguments: Arguments) -> Tensor:
    """Return √x, elementwise in float32: MIL `sqrt`; NaN below 0."""
    return arguments.tensor("x").sqrt()


def inverse_square_root(arguments: Arguments) -> Tensor:
    """Return 1 / √(x + epsilon), elementwise in float32: MIL `rsqrt`.

    epsilon is 1e-12 by default, a constant scalar. NaN where x + epsilon < 0, infinity at 0.
    """
    return (arguments.tensor("x") + arguments.number("epsilon", 1e-12)).rsqrt()


def inverse(arguments: Arguments) -> Tensor:
    """Return 1 / (x + epsilon), elementwise in float32: MIL `inverse`.

    epsilon is 1e-4 by default, a constant scalar. Infinity where x = −epsilon.
    """
    return (arguments.tensor("x") + arguments.number("epsilon", 1e-4)).reciprocal()


def exponential(arguments: Arguments) -> Tensor:
    """Return eˣ, elementwise in float32: MIL `exp`."""
    return arguments.tensor("x").exp()


def logarithm(arguments: Arguments) -> Tensor:
    """Return ln(x + epsilon), elementwise in float32: MIL `log`.

    epsilon is 1e-45 by default, a constant scalar. NaN where x + epsilon < 0.
    """
    return (arguments.tensor("x") + arguments.number("epsilon", 1e-45)).log()


def error_function(arguments: Arguments) -> Tensor:
    """Return erf(x), −1 to 1, elementwise in float32: MIL `erf`."""
    return arguments.tensor("x").erf()


def square(arguments: Arguments) -> Tensor:
    """Return x², elementwise: MIL `square`.

    Any shape. Float32 for float16 and float32; integers keep their type, and may overflow.
    """
    return arguments.tensor("x").square()


def reduce_mean(arguments: Arguments) -> Tensor:
    """Return the mean over `axes`, by default all: MIL `reduce_mean`.

    Negative axes count from the end. Reduced axes are dropped, or kept with length 1 where
    `keep_dims` is set. Sums are in float32, in torch's order; x must be float16 or float32, else
    RuntimeError.
    """
    x = arguments.tensor("x")
    return x.mean(arguments.ints("axes", list(range(x.ndim))), arguments.flag("keep_dims"))


def reduce_sum(arguments: Arguments) -> Tensor:
    """Return the sum over `axes`, by default all: MIL `reduce_sum`.

    Negative axes count from the end. Reduced axes are dropped, or kept with length 1 where
    `keep_dims` is set. Floats are summed in float32 in torch's order; sums of integers are exact
    int64.
    """
    x = arguments.tensor("x")
    return x.sum(arguments.ints("axes", list(range(x.ndim))), arguments.flag("keep_dims"))


def reduce_max(arguments: Arguments) -> Tensor:
    """Return the maximum over `axes`, by default all: MIL `reduce_max`. Exact; NaN if one is NaN.

    Negative axes count from the end. Reduced axes are dropped, or kept with length 1 where
    `keep_dims` is set.
    """
    x = arguments.tensor("x")
    return x.amax(arguments.ints("axes", list(range(x.ndim))), arguments.flag("keep_dims"))


def reduce_min(arguments: Arguments) -> Tensor:
    """Return the minimum over `axes`, by default all: MIL `reduce_min`. Exact; NaN if one is NaN.

    Negative axes count from the end. Reduced axes are dropped, or kept with length 1 where
    `keep_dims` is set.
    """
    x = arguments.tensor("x")
    return x.amin(arguments.ints("axes", list(range(x.ndim))), arguments.flag("keep_dims"))


def sine(arguments: Arguments) -> Tensor:
    """Return sin(x), x in radians, elementwise in float32: MIL `sin`."""
    return arguments.tensor("x").sin()


def cosine(arguments: Arguments) -> Tensor:
    """Return cos(x), x in radians, elementwise in float32: MIL `cos`."""
    return arguments.tensor("x").cos()


def batch_norm(arguments: Arguments) -> Tensor:
    """Normalise (N, C, …) by stored mean and variance per channel: MIL `batch_norm`.

    Returns gamma · (x − mean) / √(variance + epsilon) + beta in the shape of x, in float32; by
    default epsilon is 1e-5, gamma 1 and beta 0. The four parameters have shape (C,), else
    RuntimeError.
    """
    return F.batch_norm(
        arguments.tensor("x"),
        arguments.tensor("mean"),
        arguments.tensor("variance"),
        arguments.optional("gamma"),
        arguments.optional("beta"),
        eps=arguments.number("epsilon", 1e-5),
    )


def instance_norm(arguments: Arguments) -> Tensor:
    """Normalise each channel of each image by its own mean and variance: MIL `instance_norm`.

    Takes (N, C, spatial axes …) and returns gamma · (x − mean) / √(variance + epsilon) + beta of
    that shape, in float32. Mean and variance are over the spatial axes, of more than one element;
    the variance is the biased one. gamma and beta are (C,), by default 1 and 0; epsilon is 1e-5 by
    default.

    Raises:
        ValueError: each channel has a single element.
        RuntimeError: gamma or beta have another length.
    """
    return F.instance_norm(
        arguments.tensor("x"),
        weight=arguments.optional("gamma"),
        bias=arguments.optional("beta"),
        eps=arguments.number("epsilon", 1e-5),
    )
