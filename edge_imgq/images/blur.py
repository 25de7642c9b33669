"""Motion blur, defocus blur, and their kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import to_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

DISPLAY_GAMMA = 2.2
"""Approximate gamma: linear light is the stored value, in 0..1, to this power."""


@dataclass(frozen=True)
class MotionBlur:
    """Blur along the path of a shaken camera, then add slight sensor noise.

    The path is a random walk with inertia, as in Boracchi and Foi, IEEE TIP 2012. Its length is the
    square of a uniform number, so short paths are more likely than long ones. A sensor integrates
    light, so most images are blurred in linear light; the rest as stored, like the frames of GoPro.
    The noise is added to stored values.

    Attributes:
        shortest: smallest length of the path in pixels.
        longest: largest length of the path in pixels.
        noise: largest standard deviation of the noise, in levels of 255.
        linear: share of the images that are blurred in linear light.
    """

    shortest: float = 0.5
    longest: float = 24.0
    noise: float = 1.5
    linear: float = 0.7

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a blurred image, uint8, same shape."""
        length = self.shortest + (self.longest - self.shortest) * rng.uniform() ** 2
        kernel = motion_kernel(rng, length)
        gamma = DISPLAY_GAMMA if rng.uniform() < self.linear else 1.0
        light = (pixels.astype(np.float32) / 255.0) ** gamma
        values = np.clip(convolve(light, kernel), 0.0, 1.0) ** (1.0 / gamma) * 255.0
        values += rng.normal(0.0, rng.uniform(0.0, self.noise), values.shape)
        return to_pixels(values)


@dataclass(frozen=True)
class Defocus:
    """Blur as a lens that is out of focus does: every point becomes a uniform disc.

    Attributes:
        radius: smallest and largest radius of the disc, in pixels.
    """

    radius: tuple[float, float] = (0.5, 3.0)

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a blurred image, uint8, same shape."""
        kernel = disc_kernel(rng.uniform(*self.radius))
        return to_pixels(convolve(pixels.astype(np.float32), kernel))


def motion_kernel(rng: np.random.Generator, length: float) -> NDArray[np.float32]:
    """Draw a random motion blur kernel, float32 (k, k), k odd, with sum 1.

    It is the path of a shaken camera, of `length` pixels, 0 or above. Direction and curvature are
    random; the mean of the path is at the centre. k is as large as the path needs.
    """
    points = 64
    turns = rng.normal(0.0, rng.uniform(0.0, 0.25), points).cumsum()
    heading = rng.uniform(0.0, 2.0 * np.pi) + turns
    steps = np.stack([np.sin(heading), np.cos(heading)]) * (length / points)
    path = steps.cumsum(axis=1)
    path -= path.mean(axis=1, keepdims=True)
    radius = int(np.ceil(np.abs(path).max())) + 1
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1))
    corner = np.floor(path).astype(int)
    fraction = path - corner
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - fraction[0]) * np.abs(1 - right - fraction[1])
            np.add.at(kernel, (corner[0] + radius + down, corner[1] + radius + right), weight)
    return _normalised(kernel)


def gaussian_kernel(sigma: float) -> NDArray[np.float32]:
    """Make a Gaussian kernel, float32 (k, k), k odd, with sum 1 and a radius of 3 sigma.

    `sigma` is in pixels and above 0. The radius is rounded up, at least 1.
    """
    radius = max(1, int(np.ceil(3 * sigma)))
    line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = np.outer(line, line)
    return _normalised(kernel)


def disc_kernel(radius: float) -> NDArray[np.float32]:
    """Make a uniform disc kernel, float32 (k, k), k odd, with sum 1: the blur of defocus.

    `radius` is in pixels, 0 or above; 0 gives the kernel [[1]]. Edges are antialiased: a pixel
    counts by the share of its 9 × 9 points that lie within the disc.
    """
    reach, parts = int(np.ceil(radius)), 9
    line = (np.arange((2 * reach + 1) * parts) + 0.5) / parts - reach - 0.5
    inside = np.hypot(line[:, None], line[None, :]) <= radius
    size = 2 * reach + 1
    return _normalised(inside.reshape(size, parts, size, parts).mean(axis=(1, 3)))


def convolve(values: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolve every channel of `values` (H, W, C) with a kernel; return float32 of that shape.

    The kernel is (k, k), k odd. It is mirrored, as in a true convolution (not a correlation). The
    image is extended by reflection that repeats the border. Computed by FFT, so equal to a direct
    sum up to rounding. Values may have any range and are not clipped.
    """
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
