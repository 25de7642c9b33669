"""Activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge_imgq.export.coreml.steps import Site, half, mb
from edge_imgq.graph.network import Operation


def relu(site: Site) -> Any:
    """Relu."""
    return mb.relu(x=site.read(0))


def leaky_relu(site: Site) -> Any:
    """LeakyRelu: one slope."""
    return mb.leaky_relu(x=site.read(0), alpha=np.float16(site.attribute("alpha", 0.01)))


def prelu(site: Site) -> Any:
    """PRelu with one slope per channel, or one for all."""
    x = site.read(0)
    slopes = np.broadcast_to(site.constant(1).reshape(-1), (x.shape[1],))
    return mb.prelu(x=x, alpha=half(slopes, site.operation.operand(1).name))


def refuse_prelu(operation: Operation) -> str | None:
    """Say what of a PRelu has no form."""
    slopes = operation.operand(1)
    if slopes.data is None:
        return "its slopes are computed at run time"
    shape = operation.operand(0).shape
    aligned = (1,) * (len(shape) - len(slopes.shape)) + slopes.shape
    if aligned not in ((1,) * len(shape), (1, shape[1], *(1,) * (len(shape) - 2))):
        return f"its slopes have shape {slopes.shape}, not one per channel"
    return None


def clip(site: Site) -> Any:
    """Clip between constant bounds; a missing bound is infinite."""
    low, high = -math.inf, math.inf
    inputs = site.operation.inputs
    if len(inputs) > 1 and inputs[1] is not None:
        low = float(site.constant(1).reshape(()))
    if len(inputs) > 2 and inputs[2] is not None:
        high = float(site.constant(2).reshape(()))
    return clipped(site.read(0), low / site.unit, high / site.unit)


def clipped(x: Any, low: float, high: float) -> Any:
    """Return a variable clipped to bounds that may be infinite."""
    if math.isinf(low) and math.isinf(high):
        return x
    if math.isinf(high):
        return mb.relu(x=x) if low == 0 else mb.maximum(x=x, y=np.float16(low))
    if math.isinf(low):
        return mb.minimum(x=x, y=np.float16(high))
    return mb.clip(x=x, alpha=np.float16(low), beta=np.float16(high))


def sigmoid(site: Site) -> Any:
    """Sigmoid, in real values."""
    return mb.sigmoid(x=site.read(0))


def hard_sigmoid(site: Site) -> Any:
    """HardSigmoid, in real values."""
    alpha, beta = site.attribute("alpha", 0.2), site.attribute("beta", 0.5)
    return mb.sigmoid_hard(x=site.read(0), alpha=np.float16(alpha), beta=np.float16(beta))


def tanh(site: Site) -> Any:
    """Tanh, in real values."""
    return mb.tanh(x=site.read(0))
