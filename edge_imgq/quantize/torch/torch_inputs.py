"""Inputs of operators in torch, and the error for operators without an implementation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import onnx_ir as ir
from torch import Tensor

Inputs: TypeAlias = Sequence[Tensor | None]
Operator: TypeAlias = Callable[[ir.Node, Inputs], "Tensor | tuple[Tensor, ...]"]


class NotCoveredError(Exception):
    """An operator, or this use of it, has no torch implementation; the message names it.

    Attributes:
        use: unsupported use of an operator that is otherwise implemented; else empty.
    """

    def __init__(self, message: str, use: str = "") -> None:
        super().__init__(message)
        self.use = use


def uncovered(node: ir.Node, use: str) -> NotCoveredError:
    """Return (not raise) the error for an unsupported use of an operator.

    The message names the node and `use`, a noun phrase such as "windows of 3 axes".
    """
    return NotCoveredError(f"{node.op_type} '{node.name}' has no torch form: {use}", use)


def given(inputs: Inputs, index: int) -> Tensor:
    """Return required input `index` of an operator, counted from 0.

    Raises:
        NotCoveredError: the input is absent.
    """
    value = optional(inputs, index)
    if value is None:
        raise NotCoveredError(f"an operator has no torch form without its input {index}")
    return value


def optional(inputs: Inputs, index: int) -> Tensor | None:
    """Return input `index` of an operator, counted from 0; None if it is absent."""
    return inputs[index] if index < len(inputs) else None


def integers(inputs: Inputs, index: int) -> list[int] | None:
    """Return input `index` of an operator, a shape, axes or the like, as a flat list of integers.

    `index` counts from 0. None if the input is absent. Numbers are read through NumPy, because
    torch's tracers would treat them as unknown.
    """
    value = optional(inputs, index)
    return None if value is None else [int(number) for number in np.asarray(value).reshape(-1)]
