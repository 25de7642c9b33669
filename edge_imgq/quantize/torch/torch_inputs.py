"""What an operator's torch form is given, and the refusal of one that has no such form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import onnx_ir as ir
from torch import Tensor

Inputs: TypeAlias = Sequence[Tensor | None]
Operator: TypeAlias = Callable[[ir.Node, Inputs], "Tensor | tuple[Tensor, ...]"]


class NotCoveredError(Exception):
    """This operator, or this use of it, has no torch form; the message names it.

    Attributes:
        use: of an operator that has a torch form otherwise; empty where the operator has none.
    """

    def __init__(self, message: str, use: str = "") -> None:
        super().__init__(message)
        self.use = use


def uncovered(node: ir.Node, use: str) -> NotCoveredError:
    """Return the refusal of a use of an operator that has a torch form otherwise."""
    return NotCoveredError(f"{node.op_type} '{node.name}' has no torch form: {use}", use)


def given(inputs: Inputs, index: int) -> Tensor:
    """Return an input that must be there."""
    value = optional(inputs, index)
    if value is None:
        raise NotCoveredError(f"an operator has no torch form without its input {index}")
    return value


def optional(inputs: Inputs, index: int) -> Tensor | None:
    """Return an input that may be absent."""
    return inputs[index] if index < len(inputs) else None


def integers(inputs: Inputs, index: int) -> list[int] | None:
    """Return a shape, axes or the like; None where they are absent.

    They are read past torch, whose tracers would take them for numbers that are not known yet.
    """
    value = optional(inputs, index)
    return None if value is None else [int(number) for number in np.asarray(value).reshape(-1)]
