"""Sensor noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import to_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class GaussianNoise:
    """Add white Gaussian noise with a standard deviation drawn uniformly from a range.

    Attributes:
        sigma: smallest and largest standard deviation, in levels of 255.
    """

    sigma: tuple[float, float] = (0.0, 55.0)

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a noisy image of the same shape, rounded and clipped to uint8."""
        return to_pixels(pixels + rng.normal(0.0, rng.uniform(*self.sigma), pixels.shape))


@dataclass(frozen=True)
class PoissonNoise:
    """Add photon shot noise: fewer photons mean more noise, which grows with brightness.

    Attributes:
        photons: smallest and largest mean count of a white pixel; drawn log-uniformly.
    """

    photons: tuple[float, float] = (50.0, 2000.0)

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a noisy image of the same shape, rounded and clipped to uint8."""
        white = np.exp(rng.uniform(*np.log(self.photons)))
        return to_pixels(rng.poisson(pixels * (white / 255.0)) * (255.0 / white))
