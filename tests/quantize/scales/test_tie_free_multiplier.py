"""Multipliers that every runtime rounds alike."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from edge_imgq.quantize.scales.tie_free_multiplier import (
    MAX_DENOMINATOR,
    exactly_invertible_above,
    exactly_invertible_without_ties,
    tie_free_above,
    tie_free_below,
    tie_free_nearest,
)

SEED = 17
MULTIPLIERS = np.exp(np.random.default_rng(SEED).uniform(np.log(1e-6), np.log(3.0), 400))


def denominator(multiplier: float) -> int:
    return Fraction(multiplier).limit_denominator(2_000_000).denominator


@pytest.mark.parametrize("function", [tie_free_above, tie_free_nearest])
def test_the_fraction_has_an_odd_denominator_that_is_not_large(function) -> None:
    for wanted, given in zip(MULTIPLIERS, function(MULTIPLIERS), strict=True):
        m = denominator(float(given))
        assert m % 2 == 1
        assert m <= max(MAX_DENOMINATOR, 1 / wanted + 2)


def test_no_accumulator_falls_on_or_near_one_half() -> None:
    accumulators = np.arange(-40_000, 40_000)
    for multiplier in tie_free_above(MULTIPLIERS[MULTIPLIERS > 1e-3][:50]):
        distance = np.abs((accumulators * multiplier) % 1 - 0.5).min()
        assert distance >= 0.99 / (2 * denominator(float(multiplier)))


def test_the_multiplier_is_raised_and_by_little() -> None:
    raised = tie_free_above(MULTIPLIERS)
    assert (raised >= MULTIPLIERS * (1 - 1e-8)).all()
    usual = MULTIPLIERS > 1e-3
    assert (raised[usual] / MULTIPLIERS[usual] < 1.004).all()
    assert (raised / MULTIPLIERS < 1.02).all()


def test_the_nearest_is_nearer_than_a_thousandth() -> None:
    assert np.abs(tie_free_nearest(MULTIPLIERS) / MULTIPLIERS - 1).max() < 4e-3


def test_a_multiplier_that_is_such_a_fraction_stays() -> None:
    own = np.array([1.0, 1 / 3, 7 / 1023, 3 / 511])
    np.testing.assert_allclose(tie_free_above(own), own, rtol=1e-12)
    np.testing.assert_allclose(tie_free_nearest(own), own, rtol=1e-12)
    assert tie_free_below(0.2) == pytest.approx(0.2)


def test_below_is_below() -> None:
    for multiplier in MULTIPLIERS[MULTIPLIERS > 1e-2]:
        given = tie_free_below(float(multiplier))
        assert given <= multiplier * (1 + 1e-8)
        assert denominator(given) % 2 == 1


@pytest.mark.parametrize("wanted", [0.0123, 0.7, 1 / 3.3, 5.5e-4])
def test_dividing_by_an_exactly_invertible_scale_is_multiplying_by_its_reciprocal(
    wanted: float,
) -> None:
    scale = exactly_invertible_above(wanted)
    assert wanted * (1 - 1e-6) <= scale <= wanted * 1.0006
    values = np.random.default_rng(1).uniform(-128, 128, 200_000).astype(np.float32)
    values *= np.float32(scale)
    products = values * np.float32(1 / np.float32(scale))
    assert (values / np.float32(scale) != products).mean() < 1e-3


@pytest.mark.parametrize("power", [1, -1])
@pytest.mark.parametrize("ratio", [0.5, 0.25, 1.5, 0.4987])
def test_a_scale_beside_a_ratio_of_one_half_keeps_levels_off_halves(
    ratio: float, power: int
) -> None:
    scale = exactly_invertible_without_ties(0.0123, ratio, power)
    assert 0.0123 * (1 - 1e-6) <= scale <= 0.0123 * 1.0006
    assert abs(float(np.float32(scale)) * float(1 / np.float32(scale)) - 1) < 1e-9
    multiples = np.arange(-255, 256) * ratio * (scale / 0.0123) ** power
    assert np.abs(multiples % 1 - 0.5).min() > 2e-5
