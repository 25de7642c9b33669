"""Histograms of a fixed number of bins, with NumPy's quantiles as the witness."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.quantize.calibration.histogram import (
    MAX_BINS,
    MIN_BINS,
    Histogram,
    HistogramKeeper,
    bins_of,
)


def counted(parts: list[np.ndarray]) -> Histogram:
    keeper = HistogramKeeper(len(parts[0]))
    for part in parts:
        keeper.add(part.astype(np.float32))
    return keeper.result()


def stream(seed: int = 4) -> list[np.ndarray]:
    """Return parts of a stream whose values grow a thousandfold."""
    generator = np.random.default_rng(seed)
    return [
        generator.normal(0.3 * factor, factor, (3, 500)) * [[1], [20], [0.001]]
        for factor in (0.1, 100.0, 1.0)
    ]


def test_every_value_but_zero_is_counted_once() -> None:
    parts = stream()
    parts[0][:, :100] = 0
    assert counted(parts).counts.sum(axis=1).tolist() == [1400, 1400, 1400]


def test_the_order_of_the_stream_does_not_matter() -> None:
    one, other = counted(stream()), counted(stream()[::-1])
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_array_equal(one.centres, other.centres)


def test_the_number_of_bins_does_not_grow_with_the_stream() -> None:
    histogram = counted(stream() * 50)
    assert histogram.counts.shape == histogram.centres.shape == (3, MAX_BINS)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
def test_quantiles_are_those_of_the_values_to_a_bin(share: float) -> None:
    parts = stream()
    histogram = counted(parts)
    for channel, values in enumerate(np.concatenate(parts, axis=1)):
        width = histogram.centres[channel, 1] - histogram.centres[channel, 0]
        assert width <= 2 * np.ptp([*values, 0]) / (MAX_BINS - 1)
        below = np.cumsum(histogram.counts[channel]) / len(values)
        found = histogram.centres[channel, np.searchsorted(below, share)]
        wanted = np.quantile(values.astype(np.float32), share, method="inverted_cdf")
        assert abs(found - wanted) <= width


def test_gains_and_copies_move_the_values_and_repeat_the_counts() -> None:
    histogram = counted(stream())
    spread = histogram.scaled_and_repeated(np.array([2.0, 1.0, 0.5]), np.array([1, 2, 1]))
    np.testing.assert_array_equal(spread.centres[0], 2 * histogram.centres[0])
    np.testing.assert_array_equal(spread.counts[1], spread.counts[2])
    np.testing.assert_array_equal(spread.centres[3], histogram.centres[2] / 2)


def test_a_channel_of_zeros_has_no_counts() -> None:
    assert not counted([np.zeros((2, 30))]).counts.any()


def test_many_channels_have_fewer_bins_each() -> None:
    assert [bins_of(count) for count in (1, 32, 56, 4096)] == [
        MAX_BINS,
        MAX_BINS,
        2048,
        MIN_BINS,
    ]
