"""Requantization multipliers without ties, under which all runtimes round alike.

An integer operator converts an accumulator to a level by round(acc · M), M = input scale × weight
scale / output scale. Runtimes compute the product in float32, in fixed point or as a float
convolution, and differ by about 10⁻⁵ of a level; where acc · M is that close to one half they may
round differently. A few such pixels in the first layer suffice: later layers amplify them, and
after twenty layers several per cent of all pixels differ by a level.

If M = n/m with m odd, acc · M is a multiple of 1/m, and no multiple of 1/m is closer to one half
than 1/2m. With m about a thousand, that is fifty times the difference between runtimes, so all
round alike and there are no exact ties. M is raised to the next such fraction, which widens the
scale by some thousandths at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DENOMINATOR = 1023
"""Largest m, unless the multiplier is below 1/MAX_DENOMINATOR."""

CANDIDATES = 4096
"""Number of float32 values above a scale that are tried; the last is 0.05 % above it."""

SLACK = 1e-9
"""Relative tolerance for float64 rounding, within which a multiplier already is such a fraction."""


def tie_free_above(multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round multipliers up to the next fraction n/m with m odd and at most 1023.

    A multiplier below 1/1023 becomes 1/m with a larger odd m.

    Args:
        multipliers: positive numbers, float64 (N,).

    Returns:
        float64 (N,); a multiplier within 1e-9 of such a fraction, relatively, becomes that one.
    """
    denominators = odd_denominators()
    numerators = np.ceil(multipliers[:, np.newaxis] * denominators * (1 - SLACK))
    best: NDArray[np.float64] = (numerators / denominators).min(axis=1)
    return np.where(multipliers * MAX_DENOMINATOR < 1, _one_over_odd(multipliers), best)


def tie_free_nearest(multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round multipliers to the nearest fraction n/m with m odd and at most 1023.

    A multiplier below 1/1023 is rounded up to 1/m with a larger odd m.

    Args:
        multipliers: positive numbers, float64 (N,).

    Returns:
        float64 (N,).
    """
    denominators = odd_denominators()
    fractions = np.rint(multipliers[:, np.newaxis] * denominators) / denominators
    nearest = np.abs(fractions - multipliers[:, np.newaxis]).argmin(axis=1)
    best: NDArray[np.float64] = fractions[np.arange(len(multipliers)), nearest]
    return np.where(multipliers * MAX_DENOMINATOR < 1, _one_over_odd(multipliers), best)


def tie_free_below(multiplier: float) -> float:
    """Round a multiplier down to the next fraction n/m with m odd and at most 1023.

    A positive multiplier below 1/1023 is returned unchanged. One that is at most a billionth below
    such a fraction, relatively, becomes that one.
    """
    denominators = odd_denominators()
    best = float((np.floor(multiplier * denominators * (1 + SLACK)) / denominators).max())
    return best or multiplier


def exactly_invertible_above(scale: float, count: int = CANDIDATES) -> float:
    """Return the float32 number slightly above a scale with the most exact float32 reciprocal.

    Quantizers divide by the scale or multiply by its reciprocal. If scale × reciprocal is 1 to
    about 10⁻¹¹, as for one number in a thousand, both give the same float32 result. The first
    number tried is the scale rounded to float32, the last of 4096 is about 0.05 % above it.

    Args:
        scale: positive.
        count: number of consecutive float32 values tried, at most 4096.
    """
    candidates, errors = _invertible(scale)
    return float(candidates[errors[:count].argmin()])


def exactly_invertible_without_ties(scale: float, multiplier: float, power: int) -> float:
    """Return a scale with a nearly exact reciprocal that keeps level × multiplier off ties.

    Of the 4096 float32 numbers from the scale up, to about 0.05 % above it, the 16 with the most
    exact float32 reciprocals are compared. The result is the one whose products with the levels
    1 … 255 are farthest from halves. With a ratio of one half, every odd level is a tie.

    Args:
        scale: positive.
        multiplier: multiplier of levels at this scale.
        power: 1 if the multiplier grows with the scale, −1 if it shrinks.
    """
    candidates, errors = _invertible(scale)
    best = candidates[np.argsort(errors)[:INVERTIBLE]].astype(np.float64)
    multipliers = multiplier * (best / scale) ** power
    levels = np.arange(1, 256, dtype=np.float64)
    distances = np.abs((multipliers[:, np.newaxis] * levels) % 1 - 0.5).min(axis=1)
    return float(best[distances.argmax()])


INVERTIBLE = 16
"""Number of CANDIDATES whose float32 reciprocal is exact to about 10⁻¹⁰."""


def _invertible(scale: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return float32 numbers from the scale upwards, and |number × reciprocal − 1| of each."""
    first = np.array(scale, np.float32).view(np.int32)
    candidates = (first + np.arange(CANDIDATES, dtype=np.int32)).view(np.float32)
    reciprocals = (1 / candidates).astype(np.float64)
    errors: NDArray[np.float64] = np.abs(candidates * reciprocals - 1)
    return candidates, errors


def odd_denominators() -> NDArray[np.float64]:
    """Return the denominators that are tried: odd numbers up to 1023, float64 (512,)."""
    return np.arange(1, MAX_DENOMINATOR + 1, 2, dtype=np.float64)


def _one_over_odd(multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1/m for the largest odd m such that 1/m is not below the multiplier."""
    largest = np.floor(1 / multipliers * (1 + SLACK))
    fraction: NDArray[np.float64] = 1 / (largest - 1 + largest % 2)
    return fraction
