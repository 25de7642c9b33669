"""Elementwise operators of one, two or several operands, and means."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import LEAST, LoweringContext, mb
from edge_imgq.export.coreml.shape import integers
from edge_imgq.graph.network import Operation

MOST = float(np.finfo(np.float16).max)
PART = 256.0
"""A constant beyond float16's range is applied as this and the rest of it."""


def add(site: LoweringContext) -> Any:
    """Add, with broadcasting."""
    return mb.add(x=site.read(0), y=site.read(1))


def sub(site: LoweringContext) -> Any:
    """Sub, with broadcasting."""
    return mb.sub(x=site.read(0), y=site.read(1))


def mul(site: LoweringContext) -> Any:
    """Mul, with broadcasting; a constant beyond float16 is applied in two steps."""
    for index in (0, 1):
        constant = site.operation.operand(index)
        if constant.data is not None and _largest(site, index) > MOST:
            part = mb.mul(x=site.read(1 - index, 1.0), y=site.read(index, site.unit * PART))
            return mb.mul(x=part, y=np.float16(PART))
    x, y = site.factors()
    return mb.mul(x=x, y=y)


def _largest(site: LoweringContext, index: int) -> float:
    return float(np.abs(site.constant(index)).max()) / site.unit


def div(site: LoweringContext) -> Any:
    """Div, in real values."""
    return mb.real_div(x=site.read(0), y=site.read(1))


def power(site: LoweringContext) -> Any:
    """Pow, in real values; a power of −½ is `rsqrt`."""
    exponent = site.operation.operand(1).data
    if exponent is not None and exponent.size == 1 and float(exponent.reshape(-1)[0]) == -0.5:
        return mb.rsqrt(x=site.read(0), epsilon=LEAST)
    return mb.pow(x=site.read(0), y=site.read(1))


def minimum(site: LoweringContext) -> Any:
    """Min of any number of operands."""
    operands = [site.read(index) for index in range(len(site.operation.inputs))]
    return functools.reduce(lambda x, y: mb.minimum(x=x, y=y), operands)


def maximum(site: LoweringContext) -> Any:
    """Max of any number of operands."""
    operands = [site.read(index) for index in range(len(site.operation.inputs))]
    return functools.reduce(lambda x, y: mb.maximum(x=x, y=y), operands)


def identity(site: LoweringContext) -> Any:
    """Identity, Dropout and REQUANTIZE: the value, read in the result's unit."""
    return site.read(0)


def absolute(site: LoweringContext) -> Any:
    """Abs."""
    return mb.abs(x=site.read(0))


def rounded(site: LoweringContext) -> Any:
    """Round, half to even, in real values."""
    return mb.round(x=site.read(0))


def floor(site: LoweringContext) -> Any:
    """Floor, in real values."""
    return mb.floor(x=site.read(0))


def ceiling(site: LoweringContext) -> Any:
    """Ceil, in real values."""
    return mb.ceil(x=site.read(0))


def sign(site: LoweringContext) -> Any:
    """Sign."""
    return mb.sign(x=site.read(0))


def negative(site: LoweringContext) -> Any:
    """Neg."""
    return mb.mul(x=site.read(0), y=np.float16(-1))


def square_root(site: LoweringContext) -> Any:
    """Sqrt, in real values."""
    return mb.sqrt(x=site.read(0))


def reciprocal(site: LoweringContext) -> Any:
    """Reciprocal, in real values; Core ML's own `inverse` adds to the divisor."""
    return mb.real_div(x=np.float16(1), y=site.read(0))


def exponential(site: LoweringContext) -> Any:
    """Exp, in real values."""
    return mb.exp(x=site.read(0))


def logarithm(site: LoweringContext) -> Any:
    """Log, in real values."""
    return mb.log(x=site.read(0), epsilon=LEAST)


def sine(site: LoweringContext) -> Any:
    """Sin, in real values."""
    return mb.sin(x=site.read(0))


def cosine(site: LoweringContext) -> Any:
    """Cos, in real values."""
    return mb.cos(x=site.read(0))


def reduce_mean(site: LoweringContext) -> Any:
    """ReduceMean over axes, all of them when none is named."""
    return _reduced(site, mb.reduce_mean)


def reduce_max(site: LoweringContext) -> Any:
    """ReduceMax, likewise."""
    return _reduced(site, mb.reduce_max)


def reduce_min(site: LoweringContext) -> Any:
    """ReduceMin, likewise."""
    return _reduced(site, mb.reduce_min)


def _reduced(site: LoweringContext, operator: Any) -> Any:
    x = site.read(0)
    axes = [axis % x.rank for axis in integers(site.operation, 1, "axes")]
    if not axes and site.attribute("noop_with_empty_axes", 0):
        return x
    keep = bool(site.attribute("keepdims", 1))
    return operator(x=x, axes=sorted(axes) or list(range(x.rank)), keep_dims=keep)


def accept(operation: Operation) -> str | None:  # noqa: ARG001
    """Refuse nothing."""
    return None
