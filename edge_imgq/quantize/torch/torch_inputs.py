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
    """Return the error for an unsupported use of an operator; it is not raised here.

    The message names the node and `use`.
    """
    return NotCoveredError(f"{node.op_type} '{node.name}' has no torch form: {use}", use)


def given(inputs: Inputs, index: int) -> Tensor:
    """Return required input `index`, counted from 0.

    Raises:
        NotCoveredError: the input is absent.
    """
    value = optional(inputs, index)
    if value is None:
        raise NotCoveredError(f"an operator has no torch form without its input {index}")
    return value


def optional(inputs: Inputs, index: int) -> Tensor | None:
    """Return input `index`, counted from 0; None if it is absent or there are fewer."""
    return inputs[index] if index < len(inputs) else None


def integers(inputs: Inputs, index: int) -> list[int] | None:
    """Return a shape, axes or the like as integers; None if the input is absent.

    They are read through NumPy, because torch's tracers would treat them as unknown numbers.
    """
    value = optional(inputs, index)
    return None if value is None else [int(number) for number in np.asarray(value).reshape(-1)]
