"""Lowest version of a built-in operator that covers a use.

Follows TensorFlow Lite's `op_version.cc`. A file with the lowest sufficient versions loads in the
oldest runtime that can run it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ai_edge_litert import schema_py_generated as schema

Code = schema.BuiltinOperator
Type = schema.TensorType


@dataclass(frozen=True)
class Use:
    """One use of an operator.

    Attributes:
        inputs: the schema's TensorT, None for an absent one.
        outputs: the schema's TensorT.
        options: the schema's table for the operator, such as AddOptionsT; None without one.
    """

    inputs: Sequence[Any]
    outputs: Sequence[Any]
    options: Any

    def is_int8(self, index: int = 0) -> bool:
        """Return True if input `index` of the operator, counted from 0, is int8.

        The operator must have that input.
        """
        return bool(self.inputs[index].type == Type.INT8)

    @property
    def is_int16(self) -> bool:
        """True if the first input is int16, or the first output."""
        return Type.INT16 in (self.inputs[0].type, self.outputs[0].type)


Version: TypeAlias = Callable[[Use], int]


def _two_for_int8(use: Use) -> int:
    return 2 if use.is_int8() else 1


def _convolution(use: Use) -> int:
    if use.inputs[0].shape[3] != use.inputs[1].shape[3]:
        return 6
    return 3 if use.is_int8() else 1


def _depthwise(use: Use) -> int:
    if use.is_int8():
        return 3
    dilated = use.options.dilationWFactor != 1 or use.options.dilationHFactor != 1
    return 2 if dilated else 1


def _transpose_convolution(use: Use) -> int:
    if use.options.fusedActivationFunction:
        return 4
    if len(use.inputs) == 4:
        return 3
    return 2 if use.is_int8(1) else 1


def _fully_connected(use: Use) -> int:
    if len(use.inputs) == 2 or use.inputs[2] is None:
        return 6
    return 4 if use.is_int8() else 1


def _multiplication(use: Use) -> int:
    if not use.is_int8():
        return 1
    first, second = (tensor.quantization.scale[0] for tensor in use.inputs)
    return 3 if first * second / use.outputs[0].quantization.scale[0] >= 1 else 2


def _bilinear(use: Use) -> int:
    return 3 if use.options.halfPixelCenters else _two_for_int8(use)


def _nearest(use: Use) -> int:
    special = use.options.halfPixelCenters or use.options.alignCorners
    return 3 if special else _two_for_int8(use)


OPERATOR_VERSIONS: Mapping[int, Version] = {
    Code.BROADCAST_TO: lambda _: 2,
    Code.CONV_2D: _convolution,
    Code.DEPTHWISE_CONV_2D: _depthwise,
    Code.TRANSPOSE_CONV: _transpose_convolution,
    Code.FULLY_CONNECTED: _fully_connected,
    Code.MUL: _multiplication,
    Code.RESIZE_BILINEAR: _bilinear,
    Code.RESIZE_NEAREST_NEIGHBOR: _nearest,
    Code.SPLIT: lambda use: 2 if use.is_int8(1) else 1,
}
"""Version by use, of operators that have neither "2 for int8, else 1" nor always 1."""

ALWAYS_ONE = frozenset(
    {
        Code.QUANTIZE,
        Code.DIV,
        Code.LEAKY_RELU,
        Code.HARD_SWISH,
        Code.RESHAPE,
        Code.PRELU,
        Code.POW,
        Code.RELU_N1_TO_1,
    }
)


INT16_VERSIONS: Mapping[int, int] = {
    Code.QUANTIZE: 2,
    Code.CONV_2D: 4,
    Code.DEPTHWISE_CONV_2D: 5,
    Code.ADD: 3,
    Code.SUB: 5,
    Code.MUL: 4,
}
"""Versions of operators on int16."""


def version(code: int, use: Use) -> int:
    """Return the lowest version of operator `code`, a BuiltinOperator, that covers `use`."""
    if code in INT16_VERSIONS and use.is_int16:
        return INT16_VERSIONS[code]
    if code in ALWAYS_ONE:
        return 1
    return OPERATOR_VERSIONS.get(code, _two_for_int8)(use)
