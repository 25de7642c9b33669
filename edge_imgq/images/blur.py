"""Blur: of a shaken camera, of a lens out of focus, and the kernels of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import to_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

DISPLAY_GAMMA = 2.2
"""Stored values are light to the power of one over this, nearly."""


@dataclass(frozen=True)
class MotionBlur:
    """Blur along the path of a shaken camera, then add a little sensor noise.

    The path is a random walk with inertia, in the manner of Boracchi and Foi, IEEE TIP 2012;
    short paths are likelier than long ones (an even square root). A sensor adds up light, so most
    images are blurred in linear light; the others as stored, as the frames of GoPro are.
    The noise is on the values as stored.

    Attributes:
        shortest: Smallest length of the path in pixels.
        longest: Largest length of the path in pixels.
        noise: Largest standard deviation of the noise, in levels of 255.
        linear: Share of the images that are blurred in linear light.
    """

    shortest: float = 0.5
    longest: float = 24.0
    noise: float = 1.5
    linear: float = 0.7

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the same shape, blurred."""
        length = self.shortest + (self.longest - self.shortest) * rng.uniform() ** 2
        kernel = motion_kernel(rng, length)
        gamma = DISPLAY_GAMMA if rng.uniform() < self.linear else 1.0
        light = (pixels.astype(np.float32) / 255.0) ** gamma
        values = np.clip(convolve(light, kernel), 0.0, 1.0) ** (1.0 / gamma) * 255.0
        values += rng.normal(0.0, rng.uniform(0.0, self.noise), values.shape)
        return to_pixels(values)


@dataclass(frozen=True)
class Defocus:
    """Blur as a lens that is out of focus does: every point becomes an even disc.

    Attributes:
        radius: Smallest and largest radius of the disc, in pixels.
    """

    radius: tuple[float, float] = (0.5, 3.0)

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the same shape, blurred."""
        kernel = disc_kernel(rng.uniform(*self.radius))
        return to_pixels(convolve(pixels.astype(np.float32), kernel))


def motion_kernel(rng: np.random.Generator, length: float) -> NDArray[np.float32]:
    """Draw a blur kernel (k, k), k odd, that sums to one: a path of about `length` pixels."""
    points = 64
    turns = rng.normal(0.0, rng.uniform(0.0, 0.25), points).cumsum()
    heading = rng.uniform(0.0, 2.0 * np.pi) + turns
    steps = np.stack([np.sin(heading), np.cos(heading)]) * (length / points)
    path = steps.cumsum(axis=1)
    path -= path.mean(axis=1, keepdims=True)
    radius = int(np.ceil(np.abs(path).max())) + 1
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1))
    corner = np.floor(path).astype(int)
    part = path - corner
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - part[0]) * np.abs(1 - right - part[1])
            np.add.at(kernel, (corner[0] + radius + down, corner[1] + radius + right), weight)
    return _normalised(kernel)


def gaussian_kernel(sigma: float) -> NDArray[np.float32]:
    """Return a Gaussian (k, k), k odd, that sums to one."""
    radius = max(1, int(np.ceil(3 * sigma)))
    line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = np.outer(line, line)
    return _normalised(kernel)


def disc_kernel(radius: float) -> NDArray[np.float32]:
    """Return an even disc (k, k), k odd, that sums to one; pixels on its edge count in part."""
    reach, parts = int(np.ceil(radius)), 9
    line = (np.arange((2 * reach + 1) * parts) + 0.5) / parts - reach - 0.5
    inside = np.hypot(line[:, None], line[None, :]) <= radius
    size = 2 * reach + 1
    return _normalised(inside.reshape(size, parts, size, parts).mean(axis=(1, 3)))


def convolve(values: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolve every channel of (H, W, C) with a kernel (k, k); edges are reflected."""
    radius = kernel.shape[0] // 2
    padded = np.pad(values, ((radius, radius), (radius, radius), (0, 0)), mode="symmetric")
    shape = padded.shape[:2]
    spectrum = np.fft.rfft2(padded, axes=(0, 1)) * np.fft.rfft2(kernel, shape)[..., None]
    blurred = np.fft.irfft2(spectrum, shape, axes=(0, 1))
    start = 2 * radius
    return blurred[start : start + values.shape[0], start : start + values.shape[1]].astype(
        np.float32
    )


def _normalised(kernel: NDArray[np.float64]) -> NDArray[np.float32]:
    share: NDArray[np.float32] = (kernel / kernel.sum()).astype(np.float32)
    return share
