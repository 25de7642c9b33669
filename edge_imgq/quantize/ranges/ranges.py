"""Ranges of activations, and the int8 scale and zero point that cover them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.graph.network import Quantization

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.quantize.calibration.histogram import Histogram

INT8_LOW, INT8_HIGH = -128, 127
LEVELS = INT8_HIGH - INT8_LOW

MIN_SCALE = 2.0**-80
"""Smallest scale; a product of many small values is stored as 0. XNNPACK refuses scales below
2⁻¹²⁶, and a scale is multiplied by those of weights and of other factors."""


@dataclass(frozen=True)
class Range:
    """The minimum and the maximum of a tensor, in its real units."""

    low: float
    high: float

    def join(self, other: Range) -> Range:
        """Return the smallest range that covers both, gaps included."""
        return Range(min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True)
class ChannelDetail:
    """Statistics of the channels of a tensor other than their extremes.

    Attributes:
        low: moving average of the images' minima, float64 (channels,) or ().
        high: moving average of the images' maxima, same shape.
        histogram: histogram of each channel; a tensor without channels counts as one.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    histogram: Histogram


@dataclass(frozen=True)
class ChannelRange:
    """The minimum and the maximum of each channel, or of a tensor without channels as scalars.

    Attributes:
        low: float64, (channels,) or ().
        high: float64, same shape.
        detail: further statistics for observers; None for min-max.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    detail: ChannelDetail | None = None

    @property
    def is_finite(self) -> bool:
        """True if the bounds of no channel are NaN or infinite."""
        return bool(np.isfinite(self.low).all() and np.isfinite(self.high).all())

    def join(self, other: ChannelRange) -> ChannelRange:
        """Return the smallest ranges that cover both, channel by channel, without details."""
        return ChannelRange(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def widened(self, other: ChannelRange | None) -> ChannelRange:
        """Return the smallest ranges that cover both, per channel, with the details of this one.

        None leaves the ranges unchanged. The details exclude the other ranges, so that clipping
        observers still clip.
        """
        return self if other is None else replace(self.join(other), detail=self.detail)

    def scaled_and_repeated(
        self, gain: NDArray[np.float64], copies: NDArray[np.intp] | None = None
    ) -> ChannelRange:
        """Multiply the values of channels by gains, and repeat each channel side by side.

        Args:
            gain: positive factor of each channel, (channels,).
            copies: number of times that each channel is repeated, int (channels,), 0 to remove it;
                None for once.
        """
        times = np.ones(len(gain), np.intp) if copies is None else copies

        def repeated(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.repeat(values * gain, times)

        detail = self.detail
        if detail is not None:
            histogram = detail.histogram.scaled_and_repeated(gain, times)
            detail = ChannelDetail(repeated(detail.low), repeated(detail.high), histogram)
        return ChannelRange(repeated(self.low), repeated(self.high), detail)

    def whole(self) -> Range:
        """Return the range of all channels together: the least lower and the greatest upper end.

        Raises:
            ValueError: there is no channel.
        """
        return Range(float(self.low.min()), float(self.high.max()))


def asymmetric(values: Range) -> Quantization:
    """Choose the int8 scale and zero point that cover a range and represent zero exactly.

    The scale is (high − low) / 255, rounded up to a float16 number, so that Core ML, which stores
    scales in float16, computes with the same scale as every other target. This widens the range by
    at most 0.1 %; the least scale is 2⁻⁸⁰. The zero point is rounded to an integer, so one end may
    be clipped by up to half a level.

    Args:
        values: observed range, in real units, extended to include zero; if it is (0, 0), the scale
            is that of a range of width 1.
    """
    low, high = min(values.low, 0.0), max(values.high, 0.0)
    scale = (high - low) / LEVELS if high > low else 1.0 / LEVELS
    scale = max(_round_up_to_float16(scale), MIN_SCALE)
    zero_point = round(INT8_LOW - low / scale)
    return per_tensor(scale, min(max(zero_point, INT8_LOW), INT8_HIGH))


def covering(values: NDArray[Any]) -> Quantization:
    """Choose the int8 scale and zero point that cover the contents of a constant, of any shape.

    They are those that `asymmetric` chooses for its minimum and maximum.

    Raises:
        ValueError: the array is empty.
    """
    return asymmetric(Range(float(values.min()), float(values.max())))


def per_tensor(scale: float, zero_point: int) -> Quantization:
    """Return int8 parameters shared by a whole tensor: scale float32 (1,), zero point int32 (1,).

    The scale is rounded to float32; neither is checked.
    """
    return Quantization(
        np.array([scale], np.float32), np.array([zero_point], np.int32), "int8", None
    )


def bounds(parameters: Quantization) -> Range:
    """Return the smallest and largest real number that per-tensor int8 parameters represent.

    They are (−128 − zero point) · scale and (127 − zero point) · scale.
    """
    scale, zero_point = float(parameters.scale[0]), int(parameters.zero_point[0])
    return Range((INT8_LOW - zero_point) * scale, (INT8_HIGH - zero_point) * scale)


def _round_up_to_float16(scale: float) -> float:
    """Round up to 11 significant bits in the normal range of float16; else return the scale."""
    if not 2.0**-14 <= scale < 2.0**15:
        return scale
    unit = 2.0 ** (math.floor(math.log2(scale)) - 10)
    return math.ceil(scale / unit) * unit
