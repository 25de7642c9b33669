"""Scales and zero points."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.quantize.ranges.ranges import Range, asymmetric

RANGES = [(0.0, 1.0), (-1.0, 1.0), (-0.2, 7.3), (0.5, 0.6), (-3.0, -2.0), (-1e-3, 2e-3), (0, 900)]


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_the_range_and_zero_are_covered(low: float, high: float) -> None:
    found = asymmetric(Range(low, high))
    scale, zero = float(found.scale[0]), int(found.zero_point[0])
    assert -128 <= zero <= 127
    assert (-128 - zero) * scale <= min(low, 0.0) + scale / 2
    assert (127 - zero) * scale >= max(high, 0.0) - scale / 2


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_the_scale_is_a_float16_number_at_most_a_thousandth_too_wide(low, high) -> None:
    scale = float(asymmetric(Range(low, high)).scale[0])
    needed = (max(high, 0.0) - min(low, 0.0)) / 255
    if needed >= 2**-14:
        assert float(np.float16(scale)) == scale
    assert needed <= scale * (1 + 1e-6)
    assert scale <= needed * 1.001


@pytest.mark.parametrize("value", [0.0, 1e-8, 1e-30, 1e-44, 1e-200])
def test_a_range_of_nothing_still_gives_a_scale_that_runtimes_take(value: float) -> None:
    scale = asymmetric(Range(0.0, value)).scale
    assert np.isfinite(scale).all()
    assert scale[0] ** 1.5 >= np.finfo(np.float32).tiny, "nor does a product with another underflow"


def test_a_rectified_range_starts_at_the_lowest_integer() -> None:
    assert asymmetric(Range(0.0, 3.7)).zero_point[0] == -128
