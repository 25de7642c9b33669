"""A layer that causes much of the error of a quantized graph: one row of a report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorstLayer:
    """A layer whose roundings cause much of the error.

    Attributes:
        name: name of the node, as recipes use it.
        kind: ONNX operator.
        weights: squared error from rounding the weights, as a share of the sum over all, 0 to 1.
        output: squared error from rounding the output, as a share of the sum over all, 0 to 1.
    """

    name: str
    kind: str
    weights: float
    output: float
