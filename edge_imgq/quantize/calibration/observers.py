"""Observers: choose the quantization range of a tensor from its observed values.

Values outside the range are clipped; values inside are rounded to a grid of 256 levels. A narrower
range has a finer scale and clips more. The observers differ in this trade-off:

min-max         covers all observed values
moving-average  averages the extremes of the images (Krishnamoorthi, "Quantizing deep
                convolutional networks for efficient inference", 2018)
percentile      leaves out one value in ten thousand
entropy         least KL divergence of the 8-bit histogram from the original (Migacz, "8-bit
                Inference with TensorRT", GTC 2017)
mse             least mean squared error of the values
image           least squared error of the output image: mse with each channel weighted by its
                sensitivity (`edge_imgq.quantize.error_model.channel_sensitivity`)
guarded         min-max of ranges already narrowed as by image, where images unlike the
                calibration set lose little (`edge_imgq.quantize.ranges.guarded_clipping`)

All but min-max and guarded clip values that are rare in the calibration images. Images unlike those
are clipped more.
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
"""Share of the values that the percentile observer leaves out, both tails together."""

NARROWEST = 0.3
CANDIDATES = 36
"""Number of range ends tried, from NARROWEST times the observed extreme to the extreme itself."""

THRESHOLDS = 128
"""Number of clipping thresholds that the entropy observer tries."""

Observer = Callable[[ChannelRange, "Values | None"], Range]
"""Chooses the range of a tensor, in its real values, from the observed ranges of its channels.

The second argument holds the costs of errors per channel, (channels,); None if they are equal.
"""


def min_max(observed: ChannelRange, weights: Values | None) -> Range:  # noqa: ARG001
    """Choose the full observed range over all channels, in the units of the activation.

    It is exact, and not extended to 0. `weights` is not used.
    """
    return observed.whole()


def moving_average(observed: ChannelRange, weights: Values | None) -> Range:  # noqa: ARG001
    """Choose the moving averages of the per-image minimum and maximum, widest over the channels.

    They are in the units of the activation and not extended to 0. `weights` is not used.

    Raises:
        ValueError: `observed` has no details.
    """
    detail = _detail(observed)
    return Range(float(detail.low.min()), float(detail.high.max()))


def percentile(observed: ChannelRange, weights: Values | None) -> Range:  # noqa: ARG001
    """Choose the range that leaves out 1/10,000 of the nonzero values, half in each tail.

    In the units of the activation. The ends are centres of histogram bins, so they are accurate to
    half a bin; they are cut to the observed range. `weights` is not used.

    Raises:
        ValueError: `observed` has no details.
    """
    counts, centres = _joint(_detail(observed))
    if not counts.any():
        return observed.whole()
    below = np.cumsum(counts) / counts.sum()
    ends = np.searchsorted(below, [OUTSIDE / 2, 1 - OUTSIDE / 2])
    low, high = centres[ends.clip(0, len(centres) - 1)].tolist()
    return _within(observed, low, high)


def entropy(observed: ChannelRange, weights: Values | None) -> Range:  # noqa: ARG001
    """Choose the symmetric threshold t with the least KL divergence of quantized from true values.

    Nonzero values are counted by magnitude, over all channels; 128 values of t are tried. The
    result, −t … t in the units of the activation, is cut to the observed range. `weights` is not
    used.

    Raises:
        ValueError: `observed` has no details.
    """
    histogram = _detail(observed).histogram
    counts, centres = _joint(_detail(observed))
    whole = observed.whole()
    # Use the widest bins: narrower ones would leave empty bins in between.
    width = float((histogram.centres[:, 1] - histogram.centres[:, 0]).max())
    bins = (np.abs(centres) / width).astype(np.int64)
    levels = LEVELS if whole.low >= 0 or whole.high <= 0 else LEVELS // 2
    if not counts.any() or bins.max() <= levels:
        return whole
    magnitudes = np.bincount(bins, counts).astype(np.float64)
    ends = np.unique(np.linspace(levels, len(magnitudes), THRESHOLDS).astype(int))
    divergences = [_divergence(magnitudes, end, levels) for end in ends]
    threshold = float(ends[int(np.argmin(divergences))] * width)
    return _within(observed, -threshold, threshold)


def least_error(
    observed: ChannelRange, weights: Values | None, clipping_weight: float = 1.0
) -> Range:
    """Choose the range with the least sum of squared rounding and clipping errors.

    For each end, 36 values from 0.3 times the observed one to the observed one are tried. The
    rounding error is modelled as uniform in a level, the clipping error comes from the histograms.

    Args:
        observed: observed ranges with details.
        weights: cost of the mean squared error of each channel's nonzero values, (channels,); None,
            another length or only zeros for equal costs of all values.
        clipping_weight: cost of a clipping error relative to a rounding error.

    Raises:
        ValueError: `observed` has no details.
    """
    histogram = _detail(observed).histogram
    counts, centres = histogram.counts, histogram.centres
    if weights is not None and len(weights) == len(counts) and weights.any():
        # Weights apply to the mean squared error of a channel's non-zero values.
        counts = counts / np.maximum(counts.sum(axis=1), 1)[:, np.newaxis] * weights[:, np.newaxis]
    whole = observed.whole()
    if not counts.any():
        return whole
    shares = np.linspace(NARROWEST, 1, CANDIDATES)
    lows, highs = min(whole.low, 0.0) * shares, max(whole.high, 0.0) * shares
    clipped = _clipped(counts, -centres, -lows)[:, np.newaxis] + _clipped(counts, centres, highs)
    scales = (highs - lows[:, np.newaxis]) / LEVELS
    errors = clipping_weight * clipped + counts.sum() * scales**2 / 12
    low, high = np.unravel_index(int(errors.argmin()), errors.shape)
    return _within(observed, float(lows[low]), float(highs[high]))


OBSERVERS: Mapping[str, Observer] = {
    "min-max": min_max,
    "moving-average": moving_average,
    "percentile": percentile,
    "entropy": entropy,
    "mse": lambda observed, weights: least_error(observed, None),  # noqa: ARG005
    "image": least_error,
    "guarded": min_max,
}
"""Observers by their names in recipes."""

WEIGHING = frozenset({"image"})
"""Observers that use the weights of channels."""


def _detail(observed: ChannelRange) -> ChannelDetail:
    if observed.detail is None:
        raise ValueError("the images were not watched closely enough for this observer")
    return observed.detail


def _within(observed: ChannelRange, low: float, high: float) -> Range:
    """Intersect a range with the observed one."""
    whole = observed.whole()
    return Range(max(low, whole.low), min(high, whole.high))


def _joint(detail: ChannelDetail) -> tuple[Values, Values]:
    """Return counts and centres of all non-empty bins of all channels, sorted by centre."""
    counts, centres = detail.histogram.counts.reshape(-1), detail.histogram.centres.reshape(-1)
    order = np.argsort(centres, kind="stable")
    filled = order[counts[order] > 0]
    return counts[filled], centres[filled]


def _clipped(counts: Values, centres: Values, ends: Values) -> Values:
    """Compute the summed squared clipping error for each of several ascending upper ends."""
    beyond = centres > ends[0]
    values, weights = centres[beyond], counts[beyond]
    excess = np.maximum(values - ends[:, np.newaxis], 0)
    result: Values = (excess**2) @ weights
    return result


def _divergence(magnitudes: Values, end: int, levels: int) -> float:
    """Compute the KL divergence of a clipped histogram from its version in `levels` levels.

    Counts beyond bin `end` are added to the last bin of the reference (Migacz, 2017).
    """
    reference = magnitudes[:end].copy()
    reference[-1] += magnitudes[end:].sum()
    filled = magnitudes[:end] > 0
    level = np.arange(end) * levels // end
    totals = np.bincount(level, magnitudes[:end], levels)
    members = np.maximum(np.bincount(level, filled, levels), 1)
    quantized = np.where(filled, (totals / members)[level], 0.0)
    if not quantized.any():
        return float("inf")
    nonzero = reference > 0
    p, q = reference[nonzero] / reference.sum(), quantized[nonzero] / quantized.sum()
    return float((p * np.log(p / np.maximum(q, 1e-12))).sum())
