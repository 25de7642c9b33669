"""From what was seen of a tensor to the range that its scale covers.

Values beyond the range are clipped, values within it are rounded to one of 255 steps. What lies
between "covers everything" and "fine steps for most" is where observers differ:

min-max         covers everything that the images produced
moving-average  the extremes of each image, averaged over images (Krishnamoorthi, "Quantizing deep
                convolutional networks for efficient inference", 2018)
percentile      all but one value in ten thousand
entropy         the range whose 8-bit histogram says most about the whole one (Migacz, "8-bit
                Inference with TensorRT", GTC 2017)
mse             least mean squared error of the values
image           least squared error of the output image: as mse, with each channel weighed by what
                an error in it does to the image
                (`edge_imgq.quantize.error_model.channel_sensitivity`)
guarded         min-max of ranges that were narrowed before, as image has it, where images unlike
                those for calibration lose next to nothing
                (`edge_imgq.quantize.ranges.guarded_clipping`)

All but the first and the last clip whatever the calibration images rarely reach. An image of a kind
that they lack is then clipped more than any image that the choice was made by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.quantize.ranges.ranges import LEVELS, ChannelDetail, ChannelRange, Range

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Values: TypeAlias = NDArray[np.float64]

OUTSIDE = 1e-4
"""Share of the values that a percentile leaves out, both ends together."""

NARROWEST = 0.3
CANDIDATES = 36
"""Ends between NARROWEST of the extreme and the extreme itself that are tried."""

THRESHOLDS = 128
"""Thresholds between the fewest bins that hold the levels and all of them that entropy tries."""

Observer = Callable[[ChannelRange, "Values | None"], Range]
"""Chooses the range of a tensor; weights say what errors in each channel cost, None: all alike."""


def min_max(seen: ChannelRange, weights: Values | None) -> Range:  # noqa: ARG001
    """Return the range of everything that was seen."""
    return seen.whole()


def moving_average(seen: ChannelRange, weights: Values | None) -> Range:  # noqa: ARG001
    """Return the averaged extremes of the images."""
    detail = _detail(seen)
    return Range(float(detail.low.min()), float(detail.high.max()))


def percentile(seen: ChannelRange, weights: Values | None) -> Range:  # noqa: ARG001
    """Return the range of all values but the OUTSIDE farthest of them, half at either end."""
    counts, centres = _joint(_detail(seen))
    if not counts.any():
        return seen.whole()
    below = np.cumsum(counts) / counts.sum()
    ends = np.searchsorted(below, [OUTSIDE / 2, 1 - OUTSIDE / 2])
    low, high = centres[ends.clip(0, len(centres) - 1)].tolist()
    return _within(seen, low, high)


def entropy(seen: ChannelRange, weights: Values | None) -> Range:  # noqa: ARG001
    """Return the range of the threshold whose quantized histogram diverges least from the whole."""
    histogram = _detail(seen).histogram
    counts, centres = _joint(_detail(seen))
    whole = seen.whole()
    # The widest bins, so that none is empty because narrower ones fell beside it.
    width = float((histogram.centres[:, 1] - histogram.centres[:, 0]).max())
    places = (np.abs(centres) / width).astype(np.int64)
    levels = LEVELS if whole.low >= 0 or whole.high <= 0 else LEVELS // 2
    if not counts.any() or places.max() <= levels:
        return whole
    magnitudes = np.bincount(places, counts).astype(np.float64)
    ends = np.unique(np.linspace(levels, len(magnitudes), THRESHOLDS).astype(int))
    divergences = [_divergence(magnitudes, end, levels) for end in ends]
    threshold = float(ends[int(np.argmin(divergences))] * width)
    return _within(seen, -threshold, threshold)


def least_error(seen: ChannelRange, weights: Values | None, dearer: float = 1.0) -> Range:
    """Return the range of least squared error of rounding and clipping together.

    Args:
        seen: with details.
        weights: what squared errors in each channel cost; None for alike.
        dearer: how many times more an error of clipping costs than one of rounding.
    """
    histogram = _detail(seen).histogram
    counts, centres = histogram.counts, histogram.centres
    if weights is not None and len(weights) == len(counts) and weights.any():
        # A weight is that of a channel's mean squared error, its zeros left out.
        counts = counts / np.maximum(counts.sum(axis=1), 1)[:, np.newaxis] * weights[:, np.newaxis]
    whole = seen.whole()
    if not counts.any():
        return whole
    shares = np.linspace(NARROWEST, 1, CANDIDATES)
    lows, highs = min(whole.low, 0.0) * shares, max(whole.high, 0.0) * shares
    clipped = _clipped(counts, -centres, -lows)[:, np.newaxis] + _clipped(counts, centres, highs)
    steps = (highs - lows[:, np.newaxis]) / LEVELS
    errors = dearer * clipped + counts.sum() * steps**2 / 12
    low, high = np.unravel_index(int(errors.argmin()), errors.shape)
    return _within(seen, float(lows[low]), float(highs[high]))


OBSERVERS: Mapping[str, Observer] = {
    "min-max": min_max,
    "moving-average": moving_average,
    "percentile": percentile,
    "entropy": entropy,
    "mse": lambda seen, weights: least_error(seen, None),  # noqa: ARG005
    "image": least_error,
    "guarded": min_max,
}
"""Every observer by its name in the recipes."""

WEIGHING = frozenset({"image"})
"""Observers that ask for the weights of channels."""


def _detail(seen: ChannelRange) -> ChannelDetail:
    if seen.detail is None:
        raise ValueError("the images were not watched closely enough for this observer")
    return seen.detail


def _within(seen: ChannelRange, low: float, high: float) -> Range:
    """Return a range cut to what was seen."""
    whole = seen.whole()
    return Range(max(low, whole.low), min(high, whole.high))


def _joint(detail: ChannelDetail) -> tuple[Values, Values]:
    """Return counts and centres of all channels together, in the order of the centres."""
    counts, centres = detail.histogram.counts.reshape(-1), detail.histogram.centres.reshape(-1)
    order = np.argsort(centres, kind="stable")
    filled = order[counts[order] > 0]
    return counts[filled], centres[filled]


def _clipped(counts: Values, centres: Values, ends: Values) -> Values:
    """Return the squared error of clipping at each of some upper ends, summed over all values."""
    beyond = centres > ends[0]
    values, weights = centres[beyond], counts[beyond]
    excess = np.maximum(values - ends[:, np.newaxis], 0)
    result: Values = (excess**2) @ weights
    return result


def _divergence(magnitudes: Values, end: int, levels: int) -> float:
    """Return how much of the first `end` bins, with the rest moved into the last, is lost.

    The Kullback-Leibler divergence of the histogram and of its form in `levels` steps.
    """
    wanted = magnitudes[:end].copy()
    wanted[-1] += magnitudes[end:].sum()
    filled = magnitudes[:end] > 0
    step = np.arange(end) * levels // end
    totals = np.bincount(step, magnitudes[:end], levels)
    places = np.maximum(np.bincount(step, filled, levels), 1)
    given = np.where(filled, (totals / places)[step], 0.0)
    if not given.any():
        return float("inf")
    shown = wanted > 0
    p, q = wanted[shown] / wanted.sum(), given[shown] / given.sum()
    return float((p * np.log(p / np.maximum(q, 1e-12))).sum())
