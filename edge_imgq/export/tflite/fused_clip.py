"""Split of an activation into a fused TFLite activation and separate clipping operators."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ai_edge_litert import schema_py_generated as schema

if TYPE_CHECKING:
    from edge_imgq.graph.network import Activation, Quantization

Fused = schema.ActivationFunctionType

FUSED = {
    (0.0, math.inf): Fused.RELU,
    (0.0, 6.0): Fused.RELU6,
    (-1.0, 1.0): Fused.RELU_N1_TO_1,
}
OWN_OPERATOR = {
    Fused.RELU: schema.BuiltinOperator.RELU,
    Fused.RELU6: schema.BuiltinOperator.RELU6,
    Fused.RELU_N1_TO_1: schema.BuiltinOperator.RELU_N1_TO_1,
}
ClipOperator: TypeAlias = tuple[int, float | None]
"""An operator code and its bound, None for an operator without one."""

LIMITS = {"int8": (-128, 127), "int16": (-32768, 32767)}


@dataclass(frozen=True)
class Clipping:
    """Clipping to apply after an operation.

    Attributes:
        fused: an ActivationFunctionType.
        low: lower bound for a separate MAXIMUM, −inf for none.
        high: upper bound for a separate MINIMUM, inf for none.
    """

    fused: int = Fused.NONE
    low: float = -math.inf
    high: float = math.inf

    @property
    def unfused(self) -> Clipping:
        """The bounds that remain for separate operators once `fused` is applied."""
        return Clipping(low=self.low, high=self.high)

    @property
    def operators(self) -> tuple[ClipOperator, ...]:
        """The operators, in order, that clip where nothing is fused; may be ()."""
        operators: list[ClipOperator] = []
        if self.fused != Fused.NONE:
            operators.append((OWN_OPERATOR[self.fused], None))
        if math.isfinite(self.low):
            operators.append((schema.BuiltinOperator.MAXIMUM, self.low))
        if math.isfinite(self.high):
            operators.append((schema.BuiltinOperator.MINIMUM, self.high))
        return tuple(operators)


def clipping(activation: Activation | None, quantization: Quantization | None) -> Clipping:
    """Choose how to clip an output to the bounds of `activation`.

    Bounds are real values. An integer output saturates: a bound outside its range, or within half a
    level of the end, needs no clipping. The bounds (0, ∞), (0, 6) and (−1, 1) are fused, a lower
    bound of 0 becomes RELU with a MINIMUM, and other bounds need separate operators.

    Args:
        activation: bounds; None clips nothing.
        quantization: of the output, per tensor; None for float.
    """
    if activation is None:
        return Clipping()
    low, high = activation.low, activation.high
    if quantization is not None:
        bottom, top = _range(quantization)
        half_step = float(quantization.scale[0]) / 2
        low = -math.inf if low <= bottom + half_step else low
        high = math.inf if high >= top - half_step else high
    if math.isinf(low) and math.isinf(high):
        return Clipping()
    if (activation.low, activation.high) in FUSED:
        return Clipping(FUSED[activation.low, activation.high])
    if low == 0.0:
        return Clipping(Fused.RELU, high=high)
    return Clipping(low=low, high=high)


def _range(quantization: Quantization) -> tuple[float, float]:
    scale, zero = float(quantization.scale[0]), int(quantization.zero_point[0])
    bottom, top = LIMITS[quantization.dtype]
    return scale * (bottom - zero), scale * (top - zero)
