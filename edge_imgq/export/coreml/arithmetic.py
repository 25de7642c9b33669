"""Elementwise operators of one, two or several operands."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from edge_imgq.export.coreml.steps import Site, mb
from edge_imgq.graph.network import Operation


def add(site: Site) -> Any:
    """Add, with broadcasting."""
    return mb.add(x=site.read(0), y=site.read(1))


def sub(site: Site) -> Any:
    """Sub, with broadcasting."""
    return mb.sub(x=site.read(0), y=site.read(1))


def mul(site: Site) -> Any:
    """Mul: a factor in the result's unit, the other in real values."""
    return mb.mul(x=site.read(0), y=site.read(1, unit=1.0))


def div(site: Site) -> Any:
    """Div: the dividend in the result's unit, the divisor in real values."""
    return mb.real_div(x=site.read(0), y=site.read(1, unit=1.0))


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


def negative(site: Site) -> Any:
    """Neg."""
    return mb.mul(x=site.read(0), y=np.float16(-1))


def square_root(site: Site) -> Any:
    """Sqrt, in real values."""
    return mb.sqrt(x=site.read(0))


def exponential(site: Site) -> Any:
    """Exp, in real values."""
    return mb.exp(x=site.read(0))


def accept(operation: Operation) -> str | None:  # noqa: ARG001
    """Refuse nothing."""
    return None
