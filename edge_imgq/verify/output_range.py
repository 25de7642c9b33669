"""Decide if a network returns a picture, from the share of its values outside the pixel range.

Every file clips its values to 8-bit pixels, so comparing pixels cannot see values outside. A
denoiser that returns the noise, half of it below zero, would compare as "same" although every file
returns a nearly black picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_LOST = 1 / 3
"""Largest share of the values' variance that clipping may remove from a picture. Clipping removes
half from a residual, or from pixels from -1 to 1. Of 39 photographs it removed .13 and .31 at twice
and three times the contrast, .26 at seven times the sharpness, .09 at 2.5 times the colour, and .45
at twice the exposure, where 41 % is white and cannot be told from pixels of another range."""

MUCH_LOST = 0.05
"""Share from which a picture is reported as clipped. Networks that ship lose at most 0.00003."""

BELOW, ABOVE = 0.3, 0.03
"""Least share below 0 and largest share above the peak of a residual with bright image borders;
high-contrast pictures leave the range at both ends. Of the same 39 photographs, those darkened by
51 levels have .21 below 0; residuals of blur, JPEG and noise have .43 to .50. Noise brightened by
half its deviation has .30, and passes as a dark picture."""


@dataclass(frozen=True)
class OutputRange:
    """Share of the float model's values outside the pixel range, over all images.

    Attributes:
        below: share of values more than half a level below 0.
        above: share of values more than half a level above the peak.
        lost: mean squared distance of the values to the range 0 … 255, divided by their variance.
    """

    below: float
    above: float
    lost: float

    @property
    def is_picture(self) -> bool:
        """True if 8-bit pixels preserve the values: clipping removes little of their variance.

        That is at most a third. False also for a residual: more than 5 % is removed, over 30 % of
        the values are below 0, and under 3 % above the peak.
        """
        residual = self.lost > MUCH_LOST and self.below > BELOW and self.above < ABOVE
        return self.lost <= MAX_LOST and not residual

    @property
    def is_clipped(self) -> bool:
        """True if it is a picture, and clipping loses more than 5 % of its variance."""
        return self.is_picture and self.lost > MUCH_LOST


class OutputValues:
    """Accumulates the range of values over several images."""

    def __init__(self) -> None:
        self._number = self._below = self._above = 0
        self._sum = self._squares = self._lost = 0.0

    def add(self, levels: NDArray[np.float64]) -> None:
        """Add the values of one image.

        Args:
            levels: the float model's values, unclipped, any shape, with 0 … peak mapped to 0 … 255.
        """
        flat = levels.reshape(-1)
        beyond = flat - np.clip(flat, 0, 255)
        self._number += flat.size
        self._below += int((beyond < -0.5).sum())
        self._above += int((beyond > 0.5).sum())
        self._sum += float(flat.sum())
        self._squares += float(flat @ flat)
        self._lost += float(beyond @ beyond)

    @property
    def is_empty(self) -> bool:
        """True if no image was added."""
        return self._number == 0

    def range(self) -> OutputRange:
        """Return the shares over the values of all images added so far.

        Raises:
            ZeroDivisionError: no image was added.
        """
        variance = self._squares - self._sum**2 / self._number
        lost = self._lost / variance if variance > 0 else float(self._lost > 0)
        return OutputRange(self._below / self._number, self._above / self._number, lost)


def outside(levels: NDArray[np.float64]) -> OutputRange:
    """Return the shares of one image's values outside the pixel range, and what clipping loses.

    Args:
        levels: the float model's values, unclipped, any shape, with 0 … peak mapped to 0 … 255.
    """
    values = OutputValues()
    values.add(levels)
    return values.range()
