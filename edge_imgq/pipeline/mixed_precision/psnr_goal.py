"""What a search for precision is to reach, as dB to the float model's image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROUNDING = 1 / 12 / 255**2
"""Squared error of rounding to pixels, of the range's square."""


@dataclass(frozen=True)
class PsnrGoal:
    """How near the quantized image is to come to the float model's.

    Attributes:
        psnr: dB between the two.
        of_float: dB of the float model's images against the truth, image by image; none where
            nobody asked for a drop.
    """

    psnr: float
    of_float: tuple[float, ...] = ()

    def words(self, psnr: float) -> str:
        """Return dB to the float model's image in the words of the goal."""
        if not self.of_float:
            return f"{psnr:.1f} dB"
        return self._drop_words(drop_of(psnr, self.of_float), psnr)

    def words_within(self, psnr: float) -> str:
        """Return the same of a limit, rounded to its near side: who asks for that is within."""
        least = math.floor(psnr * 10) / 10
        if not self.of_float:
            return f"{least:.1f} dB"
        drop = math.ceil(drop_of(psnr, self.of_float) * 1000) / 1000
        return self._drop_words(drop, least)

    def _drop_words(self, drop: float, psnr: float) -> str:
        return f"a drop of about {drop:.3f} dB ({psnr:.1f} dB to its image)"


def fidelity_of(drop: float, of_float: Sequence[float]) -> float:
    """Return the dB to the float image under which images lose a drop in the mean.

    Args:
        drop: mean of what `drop_of` describes, positive.
        of_float: dB of the float model's 8-bit images against the truth.
    """
    low, high = 0.0, 200.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if drop_of(middle, of_float) > drop else (low, middle)
    return high


def drop_of(psnr: float, of_float: Sequence[float]) -> float:
    """Return what 8-bit images lose in the mean that have so many dB against the float model's.

    An 8-bit image is off by rounding to pixels besides, as that of the float model is: with
    independent errors, and q' what remains of q dB without that rounding, an image of p dB is at
    p' with 10^(−p'/10) = 10^(−p/10) + 10^(−q'/10).

    Args:
        psnr: q.
        of_float: p, of the float model's 8-bit images.
    """
    error = max(10 ** (-psnr / 10) - ROUNDING, 0.0)
    return float(np.mean([10 * math.log10(1 + error * 10 ** (own / 10)) for own in of_float]))
