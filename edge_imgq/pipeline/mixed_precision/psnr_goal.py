"""Express the goal of a mixed-precision search as PSNR to the float model's image.

A goal stated as a drop against the truth is converted; both images are assumed to have independent
errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROUNDING = 1 / 12 / 255**2
"""Mean squared error of rounding to 8-bit levels, relative to the squared pixel range."""


@dataclass(frozen=True)
class PsnrGoal:
    """Least PSNR of the quantized image to the float model's.

    Attributes:
        psnr: the PSNR in dB.
        of_float: PSNR in dB of the float model against the truth, one per image; empty if the goal
            was not given as a drop.
    """

    psnr: float
    of_float: tuple[float, ...] = ()

    def words(self, psnr: float) -> str:
        """Describe a PSNR in dB to the float image as the goal was given: as PSNR or as drop.

        "45.2 dB" if as PSNR; a drop, in dB, is the estimate of `drop_of`.
        """
        if not self.of_float:
            return f"{psnr:.1f} dB"
        return self._drop_words(drop_of(psnr, self.of_float), psnr)

    def words_within(self, psnr: float) -> str:
        """Describe a limit in the unit of the goal, rounded so that the printed value is within it.

        A PSNR is rounded down to 0.1 dB, a drop up to 0.001 dB.

        Args:
            psnr: PSNR in dB to the float image.
        """
        least = math.floor(psnr * 10) / 10
        if not self.of_float:
            return f"{least:.1f} dB"
        drop = math.ceil(drop_of(psnr, self.of_float) * 1000) / 1000
        return self._drop_words(drop, least)

    def _drop_words(self, drop: float, psnr: float) -> str:
        return f"a drop of about {drop:.3f} dB ({psnr:.1f} dB to its image)"


def fidelity_of(drop: float, of_float: Sequence[float]) -> float:
    """Return the PSNR in dB to the float image that corresponds to a mean drop.

    The inverse of `drop_of`, by bisection: accurate to 1e-4 dB, in 0 … 200 dB.

    Args:
        drop: mean drop in dB, positive.
        of_float: PSNR in dB of the float model's 8-bit images against the truth, one per image, at
            least one.
    """
    low, high = 0.0, 200.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if drop_of(middle, of_float) > drop else (low, middle)
    return high


def drop_of(psnr: float, of_float: Sequence[float]) -> float:
    """Estimate the mean drop in dB of 8-bit images from their PSNR to the float model's.

    Both PSNR include rounding to pixels, which the quantized image has only once. If q' is q
    without that rounding, and errors are independent, an image of p dB falls to p' with
    10^(−p'/10) = 10^(−p/10) + 10^(−q'/10).

    Args:
        psnr: q, PSNR in dB of the quantized images to the float model's images.
        of_float: p, PSNR in dB of the float model's 8-bit images against the truth, one per image.
    """
    error = max(10 ** (-psnr / 10) - ROUNDING, 0.0)
    return float(np.mean([10 * math.log10(1 + error * 10 ** (own / 10)) for own in of_float]))
