"""A layer that makes much of the loss of a quantized graph."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorstLayer:
    """A layer whose roundings make much of the loss.

    Attributes:
        name: of the node, as a recipe names it.
        kind: ONNX operator.
        weights: squared error of the image by rounding its weights, of that of all layers: 0 … 1.
        output: the same by rounding what it writes.
    """

    name: str
    kind: str
    weights: float
    output: float
