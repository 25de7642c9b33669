"""Arguments of one operation of an ML Program, for its lowering to Core AI."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ai = importlib.import_module("coreai.authoring")
"""Core AI's operator builder; importing this module requires the package."""

_constant = importlib.import_module("coreai.authoring.constant").constant


def constant(values: Any) -> Any:
    """Add a constant to the Core AI program being built, and return its value.

    It has the shape and the element type of the array.
    """
    return _constant(np.ascontiguousarray(values) if np.ndim(values) else np.asarray(values))


@dataclass(frozen=True)
class Arguments:
    """Arguments of one operation, by the parameter names of MIL.

    Methods that return constants fail on operands that are computed: coremltools gives them no
    value.

    Attributes:
        operation: operation of coremltools' program.
        values: Core AI values computed so far, by variable name.
    """

    operation: Any
    values: Mapping[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Static shape of the operation's first result, in ONNX's axis order."""
        return tuple(self.operation.outputs[0].shape)

    def has(self, key: str) -> bool:
        """Return True if an optional parameter is given."""
        return self.operation.inputs.get(key) is not None

    def value(self, key: str) -> Any:
        """Return an operand as a Core AI value; a constant operand is added to the program.

        The parameter must be given; see `has`.
        """
        return self._value(self.operation.inputs[key])

    def all_values(self, key: str) -> list[Any]:
        """Return all operands of a variadic parameter as Core AI values, in order.

        Constant operands are added to the program.
        """
        return [self._value(variable) for variable in self.operation.inputs[key]]

    def shape_of(self, key: str) -> tuple[int, ...]:
        """Return the static shape of an operand; the parameter must be given."""
        return tuple(self.operation.inputs[key].shape)

    def type_of(self, key: str) -> np.dtype[Any]:
        """Return the NumPy element type of an operand; the parameter must be given."""
        return element_type(self.operation.inputs[key])

    def array(self, key: str) -> NDArray[Any]:
        """Return a constant operand as an array of its own shape and element type.

        A computed operand has no contents, so the caller must know that it is constant.
        """
        return np.asarray(self.operation.inputs[key].val)

    def integers(self, key: str, default: Sequence[int] = ()) -> list[int]:
        """Return constant integers or booleans as a flat list, or the default if not given.

        Booleans become 0 and 1.
        """
        if not self.has(key):
            return list(default)
        return [int(value) for value in self.array(key).reshape(-1)]

    def number(self, key: str, default: float | None = None) -> float:
        """Return a constant scalar as float, or the default if not given.

        Without a default the parameter must be given.
        """
        if not self.has(key) and default is not None:
            return default
        return float(self.array(key))

    def flag(self, key: str) -> bool:
        """Return a constant boolean, or False if not given."""
        return self.has(key) and bool(self.array(key))

    def text(self, key: str, default: str = "") -> str:
        """Return a constant string, or the default if not given."""
        return str(self.operation.inputs[key].val) if self.has(key) else default

    def _value(self, variable: Any) -> Any:
        if variable.name in self.values:
            return self.values[variable.name]
        return constant(np.asarray(variable.val, element_type(variable)))


def element_type(variable: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of a variable in coremltools' program, e.g. float16, int8 or bool."""
    types = importlib.import_module("coremltools.converters.mil.mil").types
    dtype: np.dtype[Any] = np.dtype(types.nptype_from_builtin(variable.dtype))
    return dtype
