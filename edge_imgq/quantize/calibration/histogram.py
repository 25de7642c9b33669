"""Per-channel histograms with a fixed number of bins, for streams of unknown range.

The width of a bin is a power of two and its lower edge is a multiple of the width. When a value
does not fit, the width is doubled and bins merge in pairs. Merging is exact, because ⌊⌊x/w⌋/2⌋ =
⌊x/2w⌋.

Zeros are not counted: rectifiers produce many, int8 represents them exactly, and they do not affect
the choice of a scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.float64]

CELLS = 2**17
MIN_BINS, MAX_BINS = 2**8, 2**12
"""Fewest and most bins of a channel; in between, all channels together have about CELLS."""

MIN_EXPONENT = -60
"""Base-2 logarithm of the narrowest bin; smaller differences are not resolved."""


@dataclass(frozen=True)
class Histogram:
    """Histogram of the non-zero values of each channel.

    Attributes:
        counts: number of values per bin, float64 (channels, bins).
        centres: centre of each bin, float64 (channels, bins).
    """

    counts: Counts
    centres: Counts

    def scaled_and_repeated(self, gain: Counts, copies: NDArray[np.intp]) -> Histogram:
        """Multiply the values of channels by gains, and repeat each channel side by side.

        Args:
            gain: factor of each channel, positive, float64 (channels,).
            copies: number of times that each channel is repeated, int (channels,); 0 removes it.
        """
        scaled = self.centres * gain[:, np.newaxis]
        return Histogram(np.repeat(self.counts, copies, 0), np.repeat(scaled, copies, 0))


class HistogramKeeper:
    """Accumulates per-channel histograms of a stream of values in constant memory."""

    def __init__(self, channels: int) -> None:
        self._bins = np.arange(bins_of(channels))
        self._counts = np.zeros((channels, len(self._bins)))
        self._exponent = np.full(channels, MIN_EXPONENT)
        self._low, self._high = np.zeros(channels), np.zeros(channels)
        self._first = np.zeros((channels, 1), np.int64)

    def add(self, values: NDArray[np.float32]) -> None:
        """Count finite values, float32 (channels, N) with N of 1 or more; zeros are left out.

        Bins widen as needed: counts stay exact, and values are known to a bin's width.
        """
        exact = values.astype(np.float64)
        self._low = np.minimum(self._low, exact.min(axis=1))
        self._high = np.maximum(self._high, exact.max(axis=1))
        self._widen()
        bins = np.floor(np.ldexp(exact, -self._exponent[:, np.newaxis])).astype(np.int64)
        self._counts += self._tally(bins, (exact != 0).astype(np.float64))

    def result(self) -> Histogram:
        """Return the histogram of all values so far: counts and centres, (channels, bins).

        All bins of a channel have equal width, a power of two that depends on its largest
        magnitude.
        """
        centres = np.ldexp(self._first + self._bins + 0.5, self._exponent[:, np.newaxis])
        return Histogram(self._counts.copy(), centres)

    def _widen(self) -> None:
        """Widen the bins, if necessary, to cover all values seen, and merge the counts."""
        # One bin is lost if the lowest value lies inside a bin.
        width = (self._high - self._low) / (len(self._bins) - 1)
        wanted = np.ceil(np.log2(np.maximum(width, 2.0**MIN_EXPONENT))).astype(np.int64)
        wanted = np.maximum(wanted, self._exponent)
        moved = (self._first + self._bins) >> (wanted - self._exponent)[:, np.newaxis]
        self._exponent = wanted
        self._first = np.floor(np.ldexp(self._low, -wanted)).astype(np.int64)[:, np.newaxis]
        self._counts = self._tally(moved, self._counts)

    def _tally(self, bins: NDArray[np.int64], weights: Counts) -> Counts:
        """Sum weights by channel and bin.

        Args:
            bins: absolute bin number of each weight, (channels, any number).
            weights: numbers to add up, of the same shape.

        Returns:
            Sums, float64 (channels, bins); bins out of range are added to the nearest one.
        """
        channels, count = self._counts.shape
        inside = (bins - self._first).clip(0, count - 1) + count * np.arange(channels)[:, None]
        totals = np.bincount(inside.reshape(-1), weights.reshape(-1), channels * count)
        return totals.astype(np.float64).reshape(channels, count)


def bins_of(channels: int) -> int:
    """Return the number of bins per channel, a power of two, for a number of channels above 0.

    All channels together have at most 131,072, but each at least 256 and at most 4096.
    """
    return min(max(1 << (CELLS // channels).bit_length() - 1, MIN_BINS), MAX_BINS)
