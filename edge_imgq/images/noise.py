"""Sensor noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import to_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIDDLE = 127.5
"""Level of mid-gray, at which the noise of a sensor is stated."""


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


@dataclass(frozen=True)
class SensorNoise:
    """Add the noise of a camera's sensor: shot noise, which grows with light, and read noise.

    The variance at a pixel x is sigma² · (1 − shot + shot · x / 127.5), the Gaussian approximation
    of Poisson-Gaussian noise (Foi et al., IEEE TIP 2008). It is white and independent by channel.

    Attributes:
        sigma: standard deviation at mid-gray, in levels of 255.
        shot: share of shot noise in the variance at mid-gray, 0 to 1; 0 is Gaussian noise.
    """

    sigma: float
    shot: float = 0.0

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a noisy image of the same shape, rounded and clipped to uint8."""
        light = pixels.astype(np.float32)
        deviation = self.sigma * np.sqrt(1.0 - self.shot + self.shot * light / MIDDLE)
        return to_pixels(light + deviation * rng.standard_normal(pixels.shape, np.float32))
