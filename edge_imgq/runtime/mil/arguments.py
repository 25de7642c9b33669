"""What an operator of the evaluator is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edge_imgq.runtime.mil.program import Constant, Declared, Statement


@dataclass(frozen=True)
class Arguments:
    """The arguments of one statement.

    Attributes:
        statement: the statement that is executed.
        constants: contents of constants, for parameters that must be known beforehand.
        values: every tensor computed so far, constants among them, in its own element type.
        declared: the program's own types, at the file's image size.
    """

    statement: Statement
    constants: Mapping[str, Constant]
    values: Mapping[str, Tensor]
    declared: Mapping[str, Declared]

    @property
    def output(self) -> Declared:
        """The first value that the statement defines."""
        return self.statement.outputs[0]

    def has(self, key: str) -> bool:
        """Tell whether an optional parameter was given."""
        return bool(self.statement.inputs.get(key))

    def raw(self, key: str) -> Tensor:
        """Return a tensor in its own element type."""
        return self.values[self.statement.inputs[key][0]]

    def tensor(self, key: str) -> Tensor:
        """Return a tensor to compute with: float16 is widened to float32."""
        return _widen(self.raw(key))

    def tensors(self, key: str) -> list[Tensor]:
        """Return all tensors of a variadic parameter, widened like `tensor`."""
        return [_widen(self.values[name]) for name in self.statement.inputs[key]]

    def optional(self, key: str) -> Tensor | None:
        """Return a tensor as `tensor` does, None where it was not given."""
        return self.tensor(key) if self.has(key) else None

    def ints(self, key: str, default: list[int] | None = None) -> list[int]:
        """Return a constant vector of integers (or of booleans)."""
        if not self.has(key) and default is not None:
            return default
        return [int(value) for value in self._constant(key).reshape(-1)]

    def number(self, key: str, default: float | None = None) -> float:
        """Return a constant scalar."""
        if not self.has(key) and default is not None:
            return default
        return float(self._constant(key))

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a constant boolean."""
        return bool(self._constant(key)) if self.has(key) else default

    def text(self, key: str, default: str = "") -> str:
        """Return a constant string."""
        return str(self._constant(key)) if self.has(key) else default

    def declared_shape(self, key: str) -> tuple[int, ...]:
        """Return the shape that an operand has at the file's own image size."""
        return self.declared[self.statement.inputs[key][0]].shape

    def _constant(self, key: str) -> Any:
        return self.constants[self.statement.inputs[key][0]]


def _widen(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.float16 else tensor
