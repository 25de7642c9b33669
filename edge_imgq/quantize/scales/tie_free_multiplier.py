"""Multipliers under which no two runtimes can round differently.

An integer operator turns an accumulator into a level by round(acc · M), with M = input scale
× weight scale / output scale. Runtimes compute the product in float32, fixed point or a float
convolution, and differ by about 10⁻⁵ of a level; wherever acc · M lies that close to one half they
may round to different levels. A handful of such pixels in the first layer is enough: later layers
multiply them, and after twenty layers some per cent of all pixels differ by a level.

If M = n/m with m odd, acc · M is a multiple of 1/m, and no multiple of 1/m is nearer to one half
than 1/2m. With m around a thousand that is fifty times the runtimes' differences, so all of them
round alike, exact halves included: there are none. M is raised to the next such fraction, which
widens the scale by some thousandths at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 1023
"""Largest m, unless the multiplier itself is below 1/LARGEST."""

CANDIDATES = 4096
"""Numbers next to a scale that are tried; the farthest is half a thousandth above it."""

SLACK = 1e-9
"""A multiplier that is such a fraction already, but for float64's rounding, stays as it is."""


def tie_free_above(multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each multiplier, the least fraction n/m, m odd, that is not below it.

    Args:
        multipliers: positive numbers.
    """
    denominators = odd_denominators()
    numerators = np.ceil(multipliers[:, np.newaxis] * denominators * (1 - SLACK))
    best: NDArray[np.float64] = (numerators / denominators).min(axis=1)
    return np.where(multipliers * LARGEST < 1, _one_over_odd(multipliers), best)


def tie_free_nearest(multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each multiplier, the nearest such fraction.

    Args:
        multipliers: positive numbers.
    """
    denominators = odd_denominators()
    fractions = np.rint(multipliers[:, np.newaxis] * denominators) / denominators
    nearest = np.abs(fractions - multipliers[:, np.newaxis]).argmin(axis=1)
    best: NDArray[np.float64] = fractions[np.arange(len(multipliers)), nearest]
    return np.where(multipliers * LARGEST < 1, _one_over_odd(multipliers), best)


def tie_free_below(multiplier: float) -> float:
    """Return the greatest fraction n/m, m odd, that is not above a multiplier of at least 1/1023.

    A smaller multiplier is returned as it is.
    """
    denominators = odd_denominators()
    best = float((np.floor(multiplier * denominators * (1 + SLACK)) / denominators).max())
    return best or multiplier


def exactly_invertible_above(scale: float, count: int = CANDIDATES) -> float:
    """Return the float32 number near above a scale whose reciprocal float32 holds best.

    Quantizers of float numbers divide by the scale or multiply by its reciprocal. Where scale
    × reciprocal is 1 to some 10⁻¹¹, which one in a thousand numbers fulfils, both give the same
    float32 number.
    """
    candidates, errors = _invertible(scale)
    return float(candidates[errors[:count].argmin()])


def exactly_invertible_without_ties(scale: float, multiplier: float, power: int) -> float:
    """Return such a scale under which no level, multiplied, lies near a half.

    Of the best INVERTIBLE numbers near above the scale the one is taken whose multiples of a level
    stay farthest from halves. That is no fraction of an odd denominator, but a level is a small
    number: one half itself, multiplied by odd levels, is the worst case.

    Args:
        scale: positive.
        multiplier: what levels are multiplied by under this scale.
        power: 1 where the multiplier grows with the scale, -1 where it shrinks.
    """
    candidates, errors = _invertible(scale)
    best = candidates[np.argsort(errors)[:INVERTIBLE]].astype(np.float64)
    multipliers = multiplier * (best / scale) ** power
    levels = np.arange(1, 256, dtype=np.float64)
    distances = np.abs((multipliers[:, np.newaxis] * levels) % 1 - 0.5).min(axis=1)
    return float(best[distances.argmax()])


INVERTIBLE = 16
"""Numbers out of CANDIDATES whose reciprocal float32 holds to some 10⁻¹⁰."""


def _invertible(scale: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the numbers near above a scale, and how far they times their reciprocal are from 1."""
    first = np.array(scale, np.float32).view(np.int32)
    candidates = (first + np.arange(CANDIDATES, dtype=np.int32)).view(np.float32)
    reciprocals = (1 / candidates).astype(np.float64)
    errors: NDArray[np.float64] = np.abs(candidates * reciprocals - 1)
    return candidates, errors


def odd_denominators() -> NDArray[np.float64]:
    """Return the denominators that are tried, 1 to LARGEST."""
    return np.arange(1, LARGEST + 1, 2, dtype=np.float64)


def _one_over_odd(multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1/m, m the largest odd number for which that is not below the multiplier."""
    largest = np.floor(1 / multipliers * (1 + SLACK))
    fraction: NDArray[np.float64] = 1 / (largest - 1 + largest % 2)
    return fraction
