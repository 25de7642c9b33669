"""Choice of the float16 unit and offset of each result in a quantized network.

A value of v levels is a float16 number (v − o)·σ before `quantize` divides by σ and adds the zero
point and o. In real arithmetic any unit (σ = scale / unit) and any integer offset o give the same
integer. In float16 rounding differs, so the choice reduces errors at no cost at run time:

1. Constants. Weight scales, biases and the factors of operands are divided by the unit, and some
   units leave them nearer to float16 numbers than others. In its own units an operand is exact.
2. Results. `quantize` decides at (k + ½)·σ. With σ = 1 these are float16 numbers: all that lies
   within half a spacing g of one is rounded onto it and has lost its side, so that a share of g/2
   of all values ends a level off, 3 % of those beyond 64. With σ = 31/32 the boundaries from 33 to
   66 lie midway between two float16 numbers, where rounding decides as `quantize` would have; those
   beyond lie a quarter of a spacing from there.
3. Offsets. Float16 is finest near 0. What a rectifier leaves, 0 to 255 levels, is counted from 64.
   A bilinear Resize reads and returns the integers as they are stored, −128 to 127, so that float16
   holds its results at twice the size, sixteenths of a level, exactly.

The fraction of values off by one level is predicted for every candidate; the smallest is chosen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.export.coreml.fp16_overflow import MAX_RESULT, fitting_factor
from edge_imgq.export.coreml.integer_units import LIMITS, covers, real, scale_of
from edge_imgq.graph.network import Operation, Tensor
from edge_imgq.graph.operators import WEIGHT_AXIS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SIGMAS = np.concatenate([[1.0, 31 / 32, 63 / 64], np.arange(2047, 1024, -8) / 2048])
"""Candidates for σ, all exact in float16."""

UNIT_FRACTIONS = (1.0, 0.5, 0.75, 0.625, 0.875)
"""Fractions of an operand's scale to try as units: their few bits keep its integers exact."""

OFFSETS = (0, 64, -64)
"""Candidates for the offset of a convolution's result, in levels."""

DEVIATION = 0.3
"""Assumed standard deviation of values around 0, relative to the farthest level."""

EXPECTED = 0.8
"""Mean absolute value of a normal variable in standard deviations, √(2/π)."""

SAMPLES = 41
"""Number of levels tried per operand where pairs of levels are evaluated."""

GAIN = 1e-6
"""Smallest reduction of the fraction of wrong levels that justifies another unit."""

COMBINE: Mapping[str, Any] = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}


@dataclass(frozen=True)
class Fp16Scale:
    """Float16 representation of an operator's result.

    Attributes:
        unit: real value of 1.
        offset: levels above the zero point that 0 represents.
    """

    unit: float
    offset: int = 0


def choose_fp16_scale(operation: Operation) -> Fp16Scale:
    """Choose the float16 unit and offset of a result with the fewest wrong int8 levels.

    A level is wrong if rounding in float16 changes it; the share of wrong levels is estimated from
    scales and constants, not measured.

    Args:
        operation: its inputs are quantized, its output quantized or float.

    Returns:
        The output's own scale (1 if it is float) and offset 0, unless another choice lowers the
        share of wrong levels by more than 1e-6. The unit is a power of two larger where results
        would exceed float16. For a bilinear Resize between integers of one scale, offset is minus
        the zero point.

    Raises:
        ModelError: an activation is not int8 with one scale.
    """
    output = operation.outputs[0]
    if is_interpolated(operation):
        return Fp16Scale(scale_of(output), -_zero(output))
    shrunk = fitting_factor(operation)
    own = Fp16Scale(scale_of(output) * shrunk)
    forecast = FORECASTS.get(operation.kind)
    image = operation.inputs[0]
    if forecast is None or output.quantization is None or image is None or image.data is not None:
        return own
    if forecast(operation, np.array([own.unit]), 0)[0] <= GAIN:
        return own
    units, offsets = _units(operation) * shrunk, _offsets(operation)
    shares = np.stack([forecast(operation, units, offset) for offset in offsets])
    row, column = np.unravel_index(int(np.argmin(shares)), shares.shape)
    if shares[row, column] >= shares[0, 0] - GAIN:
        return own
    return Fp16Scale(float(units[column]), offsets[row])


def is_interpolated(operation: Operation) -> bool:
    """Return True for a bilinear Resize between integers of one scale, which rounds ties up.

    See `edge_imgq.quantize.qdq.resize_rounding`.
    """
    if operation.kind != "Resize" or operation.attributes.get("mode") != "linear":
        return False
    ends = [tensor.quantization for tensor in (operation.operand(0), operation.output)]
    scales = {(float(q.scale[0]), int(q.zero_point[0])) for q in ends if q is not None}
    return None not in ends and len(scales) == 1


def chosen_slope(operation: Operation, unit: float) -> np.float16:
    """Return the float16 number near a LeakyRelu's slope that changes the fewest int8 levels.

    It is alpha (by default 0.01) rounded to float16, or one of the two numbers beside it; always
    the former if input or output is not quantized. `unit` is the real value of 1 in the result.

    Raises:
        ModelError: an activation is not int8 with one scale.
    """
    alpha = operation.attributes.get("alpha", 0.01)
    if operation.output.quantization is None or operation.operand(0).quantization is None:
        return np.float16(alpha)
    shares = _leaky_shares(operation, np.array([unit]))
    return _near(alpha)[int(np.argmin(shares[:, 0]))]


def _units(operation: Operation) -> Floats:
    """Return the units to try, the output's scale first."""
    own = scale_of(operation.outputs[0])
    if operation.kind in WEIGHT_AXIS:
        units: Floats = own / SIGMAS
        return units
    computed = [t for t in operation.inputs if t is not None and t.data is None]
    exact = [scale_of(tensor) / fraction for tensor in computed for fraction in UNIT_FRACTIONS]
    if operation.kind == "Mul" and len(computed) == 2:
        exact.append(scale_of(computed[0]) * scale_of(computed[1]))
    fitting = [unit for unit in exact if _largest(operation, unit) <= MAX_RESULT]
    return np.concatenate([[own], fitting, own / SIGMAS[1::8]])


def _largest(operation: Operation, unit: float) -> float:
    """Return the largest magnitude of an operation's inputs and result in a unit."""
    reach = [
        np.abs(_levels(t)).max() * scale_of(t) if t.data is None else np.abs(real(t)).max()
        for t in operation.inputs
        if t is not None and (t.data is None or t.data.size)  # a list of axes may be empty
    ]
    result = np.prod(reach) if operation.kind == "Mul" else np.sum(reach)
    return float(max(result, *reach)) / unit


def _offsets(operation: Operation) -> tuple[int, ...]:
    """Return the offsets to try; only 0 if an explicit clip follows."""
    bounds, output = operation.activation, operation.outputs[0]
    saturating = bounds is None or covers(output, bounds.low, bounds.high)
    if operation.kind not in WEIGHT_AXIS or not saturating:
        return (0,)
    low, high = LIMITS["int8"]
    return tuple(offset for offset in OFFSETS if low <= _zero(output) + offset <= high)


def _convolution_shares(operation: Operation, units: Floats, offset: int) -> Floats:
    """Predict the wrong levels of a convolution from its scales, biases and result.

    The rounding of single weights is left out: it is the same for all units.
    """
    kernel, output = operation.operand(1), operation.outputs[0]
    quantization = kernel.quantization
    if quantization is None or kernel.data is None or quantization.dtype != "int8":
        return np.zeros(len(units))
    own = scale_of(output)
    factors = quantization.scale.astype(np.float64)[:, np.newaxis] * scale_of(operation.operand(0))
    usual = EXPECTED * DEVIATION * np.abs(_levels(output)).max()
    bias = operation.inputs[2] if len(operation.inputs) > 2 else None
    base = np.zeros((1, 1)) if bias is None else real(bias).reshape(-1, 1)
    error = np.hypot(
        usual * np.abs(_off(factors / units) / factors) * units,
        np.abs(_off((base - offset * own) / units)) * units / own,
    )
    shares: Floats = error.mean(axis=0) + _boundaries(_zero(output), tuple(own / units), offset)
    return shares


def _averaged_shares(operation: Operation, units: Floats, offset: int) -> Floats:
    """Predict the wrong levels of a mean from its input and its result."""
    image, output = operation.operand(0), operation.outputs[0]
    levels, own = _levels(image)[:, np.newaxis], scale_of(image)
    error = np.abs(_fp16(levels * _fp16(own / units)) - levels * own / units)
    read = _weights(levels[:, 0]) @ error * units / scale_of(output)
    return read + _boundaries(_zero(output), tuple(scale_of(output) / units), offset)


def _chosen_shares(operation: Operation, units: Floats, offset: int) -> Floats:  # noqa: ARG001
    """Predict the wrong levels of an operator that returns its input or a bound, level by level."""
    image, output = operation.operand(0), operation.outputs[0]
    levels, own = _levels(image), scale_of(image)
    exact = _rounded(levels * own / scale_of(output), output)
    read = _fp16(levels[:, np.newaxis] * _fp16(own / units))
    got = _rounded(read / _fp16(scale_of(output) / units), output)
    share: Floats = _weights(levels) @ (got != exact[:, np.newaxis])
    return share


def _best_leaky_shares(operation: Operation, units: Floats, offset: int) -> Floats:  # noqa: ARG001
    """Predict the wrong levels of a LeakyRelu with the best slope for each unit."""
    share: Floats = _leaky_shares(operation, units).min(axis=0)
    return share


def _leaky_shares(operation: Operation, units: Floats) -> Floats:
    """Return the fraction of wrong levels of a LeakyRelu, (slopes, units)."""
    image, output = operation.operand(0), operation.outputs[0]
    levels, own = _levels(image), scale_of(image)
    alpha = operation.attributes.get("alpha", 0.01)
    exact = _rounded(np.where(levels < 0, levels * alpha, levels) * own / scale_of(output), output)
    read = _fp16(levels[:, np.newaxis] * _fp16(own / units))
    results = (np.where(read < 0, _fp16(read * float(slope)), read) for slope in _near(alpha))
    got = [_rounded(result / _fp16(scale_of(output) / units), output) for result in results]
    return np.stack([_weights(levels) @ (one != exact[:, np.newaxis]) for one in got])


def _near(alpha: float) -> list[np.float16]:
    """Return the float16 number nearest to a slope, and its two neighbours."""
    nearest = np.float16(alpha)
    ends = np.float16(np.inf), np.float16(-np.inf)
    return [nearest, *(np.nextafter(nearest, end) for end in ends)]


def _paired_shares(operation: Operation, units: Floats, offset: int) -> Floats:  # noqa: ARG001
    """Predict the wrong levels of a sum, difference or product over pairs of levels."""
    first, second, output = operation.operand(0), operation.operand(1), operation.outputs[0]
    combine = COMBINE[operation.kind]
    (a, p), (b, q) = _samples(first), _samples(second)
    x, y = (values.reshape(-1, 1) for values in np.meshgrid(a, b, indexing="ij"))
    exact = _rounded(combine(x, y) / scale_of(output), output)
    other = np.full(len(units), scale_of(first)) if operation.kind == "Mul" else units
    left, right = _read(first, x, other), _read(second, y, _partner(operation, units))
    got = _rounded(_fp16(combine(left, right)) / _fp16(scale_of(output) / units), output)
    share: Floats = np.outer(p, q).reshape(-1) @ (got != exact)
    return share


def _partner(operation: Operation, units: Floats) -> Floats:
    """Return the units in which the second operand is read."""
    return units / scale_of(operation.operand(0)) if operation.kind == "Mul" else units


def _samples(tensor: Tensor) -> tuple[Floats, Floats]:
    """Return possible real values of a tensor and their probabilities."""
    if tensor.data is not None:
        values = np.unique(real(tensor))
        values = values[:: -(-len(values) // SAMPLES)]
        return values, np.full(len(values), 1 / len(values))
    levels = _levels(tensor)
    levels = levels[:: len(levels) // SAMPLES]
    return levels * scale_of(tensor), _weights(levels)


def _read(tensor: Tensor, values: Floats, units: Floats) -> Floats:
    """Return real values as the program reads them, in float16 units."""
    if tensor.data is not None:
        return _fp16(values / units)
    return _fp16(np.rint(values / scale_of(tensor)) * _fp16(scale_of(tensor) / units))


@functools.lru_cache(maxsize=64)
def _boundaries(zero: int, sigmas: tuple[float, ...], offset: int) -> Floats:
    """Return the fraction of values between the real and the float16 decision thresholds."""
    low, high = LIMITS["int8"]
    between = np.arange(low - zero, high - zero, dtype=np.float64) + 0.5
    weights, counted = _weights(between), between[:, np.newaxis] - offset
    stated = counted * _fp16(np.array(sigmas))
    spacing = np.exp2(np.floor(np.log2(np.abs(stated))) - 10)
    decided = (np.floor(stated / spacing) + 0.5) * spacing
    share: Floats = weights @ np.abs(decided / np.array(sigmas) - counted)
    return share


def _zero(tensor: Tensor) -> int:
    assert tensor.quantization is not None
    return int(tensor.quantization.zero_point[0])


def _levels(tensor: Tensor) -> Floats:
    """Return all levels of a quantized tensor, relative to its zero point."""
    low, high = LIMITS["int8"]
    return np.arange(low, high + 1, dtype=np.float64) - _zero(tensor)


def _weights(levels: Floats) -> Floats:
    """Return the assumed probability of each level; they sum to 1."""
    weights = np.exp(-0.5 * (levels / (DEVIATION * np.abs(levels).max())) ** 2)
    share: Floats = weights / weights.sum()
    return share


def _rounded(levels: Floats, output: Tensor) -> Floats:
    """Round to levels and saturate to the range of the output."""
    reach = _levels(output)
    rounded: Floats = np.clip(np.rint(levels), reach[0], reach[-1])
    return rounded


def _fp16(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float64)


def _off(values: Floats) -> Floats:
    """Return the rounding error of float16."""
    return _fp16(values) - values


FORECASTS: Mapping[str, Callable[[Operation, Floats, int], Floats]] = {
    "Add": _paired_shares,
    "AveragePool": _averaged_shares,
    "Clip": _chosen_shares,
    "Conv": _convolution_shares,
    "ConvTranspose": _convolution_shares,
    "GlobalAveragePool": _averaged_shares,
    "LeakyRelu": _best_leaky_shares,
    "MaxPool": _chosen_shares,
    "Mul": _paired_shares,
    "ReduceMean": _averaged_shares,
    "Relu": _chosen_shares,
    "Requantize": _chosen_shares,
    "Sub": _paired_shares,
}
"""Prediction per operator: the fraction of wrong levels for each unit, at an offset."""
