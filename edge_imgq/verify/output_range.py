"""Whether what a network returns is a picture: how much of it lies outside the range of pixels.

Every file's values become 8-bit pixels, so what lies outside is lost in all of them alike, and a
comparison of pixels cannot see it: a denoiser that returns the noise, half of it below zero, would
compare as "same" where every file returns a nearly black picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_LOST = 1 / 3
"""Share of what varies in the values that clipping may take from a picture. Of one that returns a
residual, or pixels from -1 to 1, it takes half. Of 39 photographs it took .13 and .31 at twice and
three times the contrast, .26 at seven times the sharpness and .09 at 2.5 times the colour; .45 at
twice the exposure, of which 41 % is white: nothing tells that from pixels of another range."""

MUCH_LOST = 0.05
"""Share from which on a picture is said to be clipped. Of the networks that ship 0.00003 is taken
at most."""

BELOW, ABOVE = 0.3, 0.03
"""Least share below 0, and most above the peak, of a residual that ends the image's borders high:
pictures of large contrast leave the range at both ends. Of the same 39, those darker by 51
levels have .21 below 0, residuals of blur, JPEG and noise .43 to .50. Noise lighter by half its
deviation has .30, and passes for a dark picture."""


@dataclass(frozen=True)
class OutputRange:
    """Where the float model's values lie, over all images.

    Attributes:
        below: share of values that lie more than half a level below 0.
        above: share of values that lie more than half a level above the peak.
        lost: squared distance of all values to the nearest pixel value of 0 … 255, as a share of
            their variance.
    """

    below: float
    above: float
    lost: float

    @property
    def is_picture(self) -> bool:
        """Whether 8-bit pixels keep what the values say."""
        residual = self.lost > MUCH_LOST and self.below > BELOW and self.above < ABOVE
        return self.lost <= MOST_LOST and not residual

    @property
    def is_clipped(self) -> bool:
        """Whether it is a picture that loses more to the range of pixels than overshoot."""
        return self.is_picture and self.lost > MUCH_LOST


class OutputValues:
    """Counts where the values of image after image lie."""

    def __init__(self) -> None:
        self._number = self._below = self._above = 0
        self._sum = self._squares = self._lost = 0.0

    def add(self, levels: NDArray[np.float64]) -> None:
        """Count one image.

        Args:
            levels: the float model's values, where 0 … peak is 0 … 255.
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
        """Whether no image was counted."""
        return self._number == 0

    def range(self) -> OutputRange:
        """Return what the images so far come to; there is at least one."""
        variance = self._squares - self._sum**2 / self._number
        lost = self._lost / variance if variance > 0 else float(self._lost > 0)
        return OutputRange(self._below / self._number, self._above / self._number, lost)


def outside(levels: NDArray[np.float64]) -> OutputRange:
    """Return where the values of one image lie; see `OutputValues.add`."""
    values = OutputValues()
    values.add(levels)
    return values.range()
