"""The arguments of one operation, as the operator functions of the evaluator read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edge_imgq.runtime.mil.program import Constant, NamedValueType, Statement


@dataclass(frozen=True)
class Arguments:
    """The arguments of one statement, by the parameter names of MIL.

    All methods but `has` raise KeyError for a parameter that was not given and has no default.
    `ints`, `number`, `flag` and `text` also raise it for an operand that is computed rather than
    constant.

    Attributes:
        statement: the statement that is executed.
        constants: contents of the program's constants, by value name.
        values: every tensor computed so far and the constants, by value name, each in its own
            dtype.
        declared: shape and dtype that the program states for each value, at the file's own image
            size.
    """

    statement: Statement
    constants: Mapping[str, Constant]
    values: Mapping[str, Tensor]
    declared: Mapping[str, NamedValueType]

    @property
    def output(self) -> NamedValueType:
        """Name, shape and dtype that the program states for the statement's first result."""
        return self.statement.outputs[0]

    def has(self, key: str) -> bool:
        """Return True if a parameter was given."""
        return bool(self.statement.inputs.get(key))

    def raw(self, key: str) -> Tensor:
        """Return an operand as a tensor in its own dtype, not copied.

        Raises:
            KeyError: the parameter was not given.
        """
        return self.values[self.statement.inputs[key][0]]

    def tensor(self, key: str) -> Tensor:
        """Return an operand to compute with: float16 is widened to float32, others unchanged.

        Raises:
            KeyError: the parameter was not given.
        """
        return _widen(self.raw(key))

    def tensors(self, key: str) -> list[Tensor]:
        """Return all operands of a variadic parameter, in order; float16 is widened to float32.

        Raises:
            KeyError: the parameter was not given.
        """
        return [_widen(self.values[name]) for name in self.statement.inputs[key]]

    def optional(self, key: str) -> Tensor | None:
        """Return an operand, float16 widened to float32, or None if it was not given."""
        return self.tensor(key) if self.has(key) else None

    def ints(self, key: str, default: list[int] | None = None) -> list[int]:
        """Return a constant array of integers or booleans, flattened to a list of int.

        Args:
            key: name of the parameter.
            default: value if it was not given; None if it must be.

        Raises:
            KeyError: it must be given and was not, or it is computed.
        """
        if not self.has(key) and default is not None:
            return default
        return [int(value) for value in self._constant(key).reshape(-1)]

    def number(self, key: str, default: float | None = None) -> float:
        """Return a constant scalar as float.

        Args:
            key: name of the parameter.
            default: value if it was not given; None if it must be.

        Raises:
            KeyError: it must be given and was not, or it is computed.
        """
        if not self.has(key) and default is not None:
            return default
        return float(self._constant(key))

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a constant boolean, or the default if it was not given.

        Raises:
            KeyError: it is computed.
        """
        return bool(self._constant(key)) if self.has(key) else default

    def text(self, key: str, default: str = "") -> str:
        """Return a constant string, or the default if it was not given.

        Raises:
            KeyError: it is computed.
        """
        return str(self._constant(key)) if self.has(key) else default

    def declared_shape(self, key: str) -> tuple[int, ...]:
        """Return the shape that the program declares for an operand, at the file's image size.

        An open dimension is 0.

        Raises:
            KeyError: the parameter was not given, or is a constant.
        """
        return self.declared[self.statement.inputs[key][0]].shape

    def _constant(self, key: str) -> Any:
        return self.constants[self.statement.inputs[key][0]]


def _widen(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.float16 else tensor
