"""Histograms of the channels of a tensor that never grow, whatever values arrive.

Bins are as wide as a power of two and begin at whole multiples of their width. When a value does
not fit, the width is doubled: two bins become one, exactly, because ⌊⌊x/w⌋/2⌋ = ⌊x/2w⌋. So the
result is the same in whatever order the values came.

Zeros are not counted. A rectifier makes many of them, int8 holds them exactly, and they say nothing
about where a scale should end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.float64]

CELLS = 2**17
FEWEST, MOST = 2**8, 2**12
"""Bins of a channel; in between, as many as make CELLS together."""

SMALLEST_EXPONENT = -60
"""Of the width of a bin, as a power of two: narrower values than this are all alike."""


@dataclass(frozen=True)
class Histogram:
    """How often the values of each channel fell where.

    Attributes:
        counts: float64 (channels, bins); zeros of the tensor are left out.
        centres: value in the middle of each bin, float64 (channels, bins).
    """

    counts: Counts
    centres: Counts

    def spread(self, gain: Counts, copies: NDArray[np.intp]) -> Histogram:
        """Return the histogram of channels that have gains and stand there several times."""
        scaled = self.centres * gain[:, np.newaxis]
        return Histogram(np.repeat(self.counts, copies, 0), np.repeat(scaled, copies, 0))


class HistogramKeeper:
    """Counts values as they stream by, in a fixed number of bins for each channel."""

    def __init__(self, channels: int) -> None:
        self._bins = np.arange(bins_of(channels))
        self._counts = np.zeros((channels, len(self._bins)))
        self._exponent = np.full(channels, SMALLEST_EXPONENT)
        self._low, self._high = np.zeros(channels), np.zeros(channels)
        self._first = np.zeros((channels, 1), np.int64)

    def add(self, values: NDArray[np.float32]) -> None:
        """Count finite values (channels, any number)."""
        exact = values.astype(np.float64)
        self._low = np.minimum(self._low, exact.min(axis=1))
        self._high = np.maximum(self._high, exact.max(axis=1))
        self._widen()
        bins = np.floor(np.ldexp(exact, -self._exponent[:, np.newaxis])).astype(np.int64)
        self._counts += self._tally(bins, (exact != 0).astype(np.float64))

    def result(self) -> Histogram:
        """Return what was counted so far."""
        centres = np.ldexp(self._first + self._bins + 0.5, self._exponent[:, np.newaxis])
        return Histogram(self._counts.copy(), centres)

    def _widen(self) -> None:
        """Make the bins as wide as the values seen so far ask for."""
        # One bin is lost where the lowest value lies inside of a bin.
        width = (self._high - self._low) / (len(self._bins) - 1)
        wanted = np.ceil(np.log2(np.maximum(width, 2.0**SMALLEST_EXPONENT))).astype(np.int64)
        wanted = np.maximum(wanted, self._exponent)
        moved = (self._first + self._bins) >> (wanted - self._exponent)[:, np.newaxis]
        self._exponent = wanted
        self._first = np.floor(np.ldexp(self._low, -wanted)).astype(np.int64)[:, np.newaxis]
        self._counts = self._tally(moved, self._counts)

    def _tally(self, bins: NDArray[np.int64], weights: Counts) -> Counts:
        """Add weights up by channel and bin, which is counted from zero; both (channels, any)."""
        channels, count = self._counts.shape
        inside = (bins - self._first).clip(0, count - 1) + count * np.arange(channels)[:, None]
        totals = np.bincount(inside.reshape(-1), weights.reshape(-1), channels * count)
        return totals.astype(np.float64).reshape(channels, count)


def bins_of(channels: int) -> int:
    """Return how many bins each of some channels has, a power of two."""
    return min(max(1 << (CELLS // channels).bit_length() - 1, FEWEST), MOST)
