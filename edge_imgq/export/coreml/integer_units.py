"""Units of float16 values, which let float and quantized networks share their lowerings.

Inside the program every real number is stored as float16 divided by a *unit*. In a float network
the unit is 1. In a quantized network an operator works in units of its output's scale, or nearly so
(module `edge_imgq.export.coreml.fp16_scaling`), so the numbers that it sees are the integers of the
quantized graph: `dequantize` and `quantize` around it have scale 1 (or a ratio of two scales), and
the scales themselves meet in the convolution's weight scales. A float16 has 11 bits, which hold
these integers exactly; with the scales left in place each of them would be rounded to float16,
three times per convolution, and small ones would underflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import ModelError
from edge_imgq.graph.network import Operation, Quantization, Tensor
from edge_imgq.runtime.mil.silence import mil_builder

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Builder:
    """coremltools' builder of MIL operators, imported when an operator is first built.

    What Core ML refuses is told without it, and the import takes seconds.
    """

    def __getattr__(self, operator: str) -> Any:
        return getattr(mil_builder(), operator)


mb = _Builder()

Variable = Any
"""Value of the MIL program that is being built, as the operators of `mb` take and return it."""

LIMITS = {"int8": (-128, 127)}

MIN_FLOAT16 = np.nextafter(np.float16(0), np.float16(1))
"""The smallest positive float16, for values that must not become 0 (as in coremltools)."""


class Values:
    """Program variables by network tensor."""

    def __init__(self) -> None:
        self._variables: dict[str, Any] = {}
        self._read: dict[tuple[str, float, int], Any] = {}

    def read(self, tensor: Tensor, unit: float, offset: int = 0) -> Any:
        """Return a float16 variable with a tensor's real values divided by `unit`.

        A boolean constant is returned as booleans. `offset` does not apply to constants.

        Args:
            tensor: activation or constant.
            unit: real value of 1.
            offset: levels above the zero point that 0 represents; for quantized tensors.

        Raises:
            KeyError: the tensor is computed, and nothing was written for it.
            ModelError: a constant or a scale exceeds float16.
        """
        if tensor.data is not None and tensor.logical:
            return mb.const(val=tensor.data)
        if tensor.data is not None:
            return mb.const(val=to_float16(real(tensor) / unit, tensor.name))
        key = (tensor.name, unit, offset)
        if key not in self._read:
            self._read[key] = self._convert(tensor, unit, offset)
        return self._read[key]

    def write(self, tensor: Tensor, variable: Any, unit: float, offset: int = 0) -> None:
        """Store a tensor's value, quantizing it to int8 if the tensor is quantized.

        Args:
            tensor: tensor of the network.
            variable: float16 variable in multiples of `unit`.
            unit: real value of 1.
            offset: levels above the zero point that 0 represents; for quantized tensors.

        Raises:
            ModelError: `unit`, or the scale of the tensor divided by it, does not fit float16.
        """
        if tensor.quantization is not None:
            self._variables[tensor.name] = _quantize(tensor, variable, unit, offset)
        elif unit == 1.0:
            self._variables[tensor.name] = variable
        else:
            factor = to_float16(np.float64(unit), tensor.name)
            self._variables[tensor.name] = mb.mul(x=variable, y=factor)

    def of(self, tensor: Tensor) -> Any:
        """Return the MIL variable stored for a tensor; int8 if it is quantized, else float16.

        Raises:
            KeyError: nothing was written for the tensor.
        """
        return self._variables[tensor.name]

    def _convert(self, tensor: Tensor, unit: float, offset: int) -> Any:
        variable = self._variables[tensor.name]
        if tensor.quantization is not None:
            return mb.dequantize(
                input=variable,
                scale=to_float16(np.float64(scale_of(tensor)) / unit, tensor.name),
                **_zero_point(tensor.quantization, offset),
            )
        if unit == 1.0:
            return variable
        return mb.mul(x=variable, y=to_float16(np.float64(1.0 / unit), tensor.name))


@dataclass(frozen=True)
class LoweringContext:
    """One operation, and the unit and offset of its result.

    Attributes:
        operation: the operation.
        values: variables computed so far.
        unit: scale of the result: the real value of 1 in it. 1 in a float network, and about the
            result's int8 scale in a quantized one.
        offset: levels above the zero point that 0 represents in the result.
    """

    operation: Operation
    values: Values
    unit: float
    offset: int = 0

    def read(self, index: int, unit: float | None = None) -> Any:
        """Return an input, in float16, as its real values divided by `unit`.

        `index` counts from 0. By default `unit` is the result's.

        Raises:
            ModelError: a constant or a scale exceeds float16.
        """
        return self.values.read(self.operation.operand(index), self.unit if unit is None else unit)

    def factors(self) -> tuple[Any, Any]:
        """Return the first two inputs, as float16 in units whose product is the result's unit.

        In a float network both are real values. Else the first is divided by its scale: a quantized
        activation becomes its integers less the zero point, exact in float16. The second is divided
        by the result's unit over that scale, and is rounded to float16.

        Returns:
            MIL variables with the shapes of inputs 0 and 1; their order is kept.

        Raises:
            ModelError: an activation is not int8 with one scale, the first input is a constant
                stored otherwise, or a constant or a scale exceeds float16.
        """
        own = 1.0 if self.unit == 1.0 else scale_of(self.operation.operand(0))
        return self.read(0, own), self.read(1, self.unit / own)

    def constant(self, index: int) -> NDArray[np.float64]:
        """Return the real values of a constant input.

        It is float64, dequantized if it is stored as integers.
        """
        return real(self.operation.operand(index))

    def attribute(self, name: str, default: Any) -> Any:
        """Return an ONNX attribute as a Python value, or the default if the node states none."""
        return self.operation.attributes.get(name, default)


def scale_of(tensor: Tensor) -> float:
    """Return the scale of a tensor: the real value of one int8 level, or 1 for a float tensor.

    Raises:
        ModelError: the tensor is quantized, but not to int8 with one scale.
    """
    quantization = tensor.quantization
    if quantization is None:
        return 1.0
    if quantization.scale.size != 1 or quantization.dtype != "int8":
        raise ModelError(
            f"'{tensor.name}' is {quantization.dtype} with {quantization.scale.size} scales; "
            "Core ML holds activations as int8 with one scale."
        )
    return float(quantization.scale[0])


def covers(tensor: Tensor, low: float, high: float) -> bool:
    """Return True if every integer of a quantized tensor represents a value within the bounds.

    `low` and `high` are real values, met within a tenth of a level. False for a float tensor.

    Raises:
        ModelError: an activation is not int8 with one scale.
    """
    quantization = tensor.quantization
    if quantization is None:
        return False
    least, most = LIMITS[quantization.dtype]
    zero, scale = int(quantization.zero_point[0]), scale_of(tensor)
    # A tenth of a level: scales are float32, so that 255 × (1 / 255) need not be 1.
    slack = 0.1 * scale
    return (least - zero) * scale >= low - slack and (most - zero) * scale <= high + slack


def real(tensor: Tensor) -> NDArray[np.float64]:
    """Return the float64 values of a constant, in its own shape.

    Integers are dequantized: scale · (integer − zero point), per tensor or along the quantization's
    axis.
    """
    data: NDArray[np.float64] = np.asarray(tensor.data).astype(np.float64)
    quantization = tensor.quantization
    if quantization is None:
        return data
    shape = [1] * data.ndim
    if quantization.axis is not None:
        shape[quantization.axis] = -1
    scale = quantization.scale.astype(np.float64)
    zero = quantization.zero_point.astype(np.float64)
    if data.ndim == 0:
        return np.asarray((data - zero[0]) * scale[0])
    return (data - zero.reshape(shape)) * scale.reshape(shape)


def to_float16(values: NDArray[np.float64] | np.float64, name: str) -> NDArray[np.float16]:
    """Round an array to float16, half to even; nonzero values become at least the least float16.

    Networks divide by epsilons, so those must not become 0.

    Args:
        values: real numbers.
        name: name of the tensor, for messages.

    Raises:
        ModelError: a value exceeds float16's range.
    """
    with np.errstate(over="ignore"):
        exact = np.asarray(values)
        rounded = exact.astype(np.float16)
    rounded = np.where(
        (rounded == 0) & (exact != 0), np.sign(exact).astype(np.float16) * MIN_FLOAT16, rounded
    )
    if not np.isfinite(rounded).all():
        worst = float(np.abs(values).max())
        raise ModelError(
            f"'{name}' holds {worst:g}, beyond float16's 65504, which Core ML computes in. "
            "Scale the model's values down, or use another target."
        )
    return rounded


def _quantize(tensor: Tensor, variable: Any, unit: float, offset: int) -> Any:
    assert tensor.quantization is not None
    scale = to_float16(np.float64(scale_of(tensor)) / unit, tensor.name)
    if scale == 0:
        raise ModelError(
            f"'{tensor.name}' has the scale {scale_of(tensor):g}, too small for float16. "
            "Its values are constant: remove what computes them, or calibrate with other images."
        )
    return mb.quantize(
        input=variable,
        scale=scale,
        output_dtype=tensor.quantization.dtype,
        **_zero_point(tensor.quantization, offset),
    )


def _zero_point(quantization: Quantization, offset: int = 0) -> dict[str, Any]:
    """Return the zero point as an argument; Core ML treats a missing one as 0."""
    zero = int(quantization.zero_point[0]) + offset
    return {"zero_point": np.int8(zero)} if zero else {}
