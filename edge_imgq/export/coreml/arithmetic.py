"""Elementwise operators of one, two or several operands, and means."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import LEAST, Site, mb
from edge_imgq.export.coreml.shape import integers
from edge_imgq.graph.network import Operation

MOST = float(np.finfo(np.float16).max)
PART = 256.0
"""A constant beyond float16's range is applied as this and the rest of it."""


def add(site: Site) -> Any:
    """Add, with broadcasting."""
    return mb.add(x=site.read(0), y=site.read(1))


def sub(site: Site) -> Any:
    """Sub, with broadcasting."""
    return mb.sub(x=site.read(0), y=site.read(1))


def mul(site: Site) -> Any:
    """Mul, with broadcasting; a constant beyond float16 is applied in two steps."""
    for index in (0, 1):
        constant = site.operation.operand(index)
        if constant.data is not None and _largest(site, index) > MOST:
            part = mb.mul(x=site.read(1 - index, 1.0), y=site.read(index, site.unit * PART))
            return mb.mul(x=part, y=np.float16(PART))
    x, y = site.factors()
    return mb.mul(x=x, y=y)


def _largest(site: Site, index: int) -> float:
    return float(np.abs(site.constant(index)).max()) / site.unit


def div(site: Site) -> Any:
    """Div, in real values."""
    return mb.real_div(x=site.read(0), y=site.read(1))


def power(site: Site) -> Any:
    """Pow, in real values; a power of −½ is `rsqrt`."""
    exponent = site.operation.operand(1).data
    if exponent is not None and exponent.size == 1 and float(exponent.reshape(-1)[0]) == -0.5:
        return mb.rsqrt(x=site.read(0), epsilon=LEAST)
    return mb.pow(x=site.read(0), y=site.read(1))


def minimum(site: Site) -> Any:
    """Min of any number of operands."""
    operands = [site.read(index) for index in range(len(site.operation.inputs))]
    return functools.reduce(lambda x, y: mb.minimum(x=x, y=y), operands)


def maximum(site: Site) -> Any:
    """Max of any number of operands."""
    operands = [site.read(index) for index in range(len(site.operation.inputs))]
    return functools.reduce(lambda x, y: mb.maximum(x=x, y=y), operands)


def identity(site: Site) -> Any:
    """Identity, Dropout and REQUANTIZE: the value, read in the result's unit."""
    return site.read(0)


def absolute(site: Site) -> Any:
    """Abs."""
    return mb.abs(x=site.read(0))


def rounded(site: Site) -> Any:
    """Round, half to even, in real values."""
    return mb.round(x=site.read(0))


def floor(site: Site) -> Any:
    """Floor, in real values."""
    return mb.floor(x=site.read(0))


def ceiling(site: Site) -> Any:
    """Ceil, in real values."""
    return mb.ceil(x=site.read(0))


def sign(site: Site) -> Any:
    """Sign."""
    return mb.sign(x=site.read(0))


def negative(site: Site) -> Any:
    """Neg."""
    return mb.mul(x=site.read(0), y=np.float16(-1))


def square_root(site: Site) -> Any:
    """Sqrt, in real values."""
    return mb.sqrt(x=site.read(0))


def reciprocal(site: Site) -> Any:
    """Reciprocal, in real values; Core ML's own `inverse` adds to the divisor."""
    return mb.real_div(x=np.float16(1), y=site.read(0))


def exponential(site: Site) -> Any:
    """Exp, in real values."""
    return mb.exp(x=site.read(0))


def logarithm(site: Site) -> Any:
    """Log, in real values."""
    return mb.log(x=site.read(0), epsilon=LEAST)


def sine(site: Site) -> Any:
    """Sin, in real values."""
    return mb.sin(x=site.read(0))


def cosine(site: Site) -> Any:
    """Cos, in real values."""
    return mb.cos(x=site.read(0))


def reduce_mean(site: Site) -> Any:
    """ReduceMean over axes, all of them when none is named."""
    return _reduced(site, mb.reduce_mean)


def reduce_max(site: Site) -> Any:
    """ReduceMax, likewise."""
    return _reduced(site, mb.reduce_max)


def reduce_min(site: Site) -> Any:
    """ReduceMin, likewise."""
    return _reduced(site, mb.reduce_min)


def _reduced(site: Site, operator: Any) -> Any:
    x = site.read(0)
    axes = [axis % x.rank for axis in integers(site.operation, 1, "axes")]
    if not axes and site.attribute("noop_with_empty_axes", 0):
        return x
    keep = bool(site.attribute("keepdims", 1))
    return operator(x=x, axes=sorted(axes) or list(range(x.rank)), keep_dims=keep)


def accept(operation: Operation) -> str | None:  # noqa: ARG001
    """Refuse nothing."""
    return None
