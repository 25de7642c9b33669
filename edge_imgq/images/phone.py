"""Simulated look of a small phone camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.blur import convolve, gaussian_kernel
from edge_imgq.images.colour import to_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class PhoneCamera:
    """Degrade a photograph as one kind of small phone camera would.

    In order: slight blur, a tone curve (gamma, lower contrast, lifted blacks), a colour cast, lower
    saturation, vignetting and noise. A network with a small receptive field cannot infer parameters
    drawn per image, so most of the change is common to all images: each range is narrow and on one
    side of "no change".

    Attributes:
        blur: standard deviation of the blur, in pixels.
        gamma: exponent on values in [0, 1]; above 1 darkens.
        contrast: factor on the values.
        lift: offset added to the values in [0, 1].
        cast: factors of red, green and blue.
        cast_spread: largest deviation of a factor from `cast`.
        saturation: factor on the distance from gray.
        vignette: share of light lost in the corners.
        noise: standard deviation of the noise, in levels of 255.
    """

    blur: tuple[float, float] = (0.3, 0.8)
    gamma: tuple[float, float] = (1.1, 1.3)
    contrast: tuple[float, float] = (0.78, 0.9)
    lift: tuple[float, float] = (0.02, 0.05)
    cast: tuple[float, float, float] = (0.96, 1.0, 1.05)
    cast_spread: float = 0.02
    saturation: tuple[float, float] = (0.65, 0.8)
    vignette: tuple[float, float] = (0.0, 0.15)
    noise: tuple[float, float] = (0.5, 3.0)

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the degraded RGB image, uint8, same shape."""
        values = convolve(pixels.astype(np.float32), gaussian_kernel(rng.uniform(*self.blur)))
        values = np.clip(values / 255.0, 0.0, 1.0) ** rng.uniform(*self.gamma)
        values = values * rng.uniform(*self.contrast) + rng.uniform(*self.lift)
        values *= np.array(self.cast) + rng.uniform(-self.cast_spread, self.cast_spread, 3)
        gray = values.mean(axis=2, keepdims=True)
        values = gray + (values - gray) * rng.uniform(*self.saturation)
        values *= light_falloff((pixels.shape[0], pixels.shape[1]), rng.uniform(*self.vignette))[
            ..., None
        ]
        values = values * 255.0 + rng.normal(0.0, rng.uniform(*self.noise), values.shape)
        return to_pixels(values)


def light_falloff(size: tuple[int, int], strength: float) -> NDArray[np.float32]:
    """Compute vignetting factors, float32 (H, W): 1 in the centre, 1 - strength in the corners.

    They decrease with the squared distance from the centre. `size` is (H, W); `strength` is 0 to 1.
    """
    rows, columns = (np.linspace(-1.0, 1.0, length) for length in size)
    distance = (rows[:, None] ** 2 + columns[None, :] ** 2) / 2.0
    return (1.0 - strength * distance).astype(np.float32)
