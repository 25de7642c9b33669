"""Seeded degradations that turn an ordinary photograph into a network's input.

Each is a function of uint8 pixels (H, W, C) and a `numpy.random.Generator`; the same generator
state gives the same result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import UsageError
from edge_imgq.images.resize import downscale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.models.zoo import Task

Degradation = Callable[["NDArray[np.uint8]", np.random.Generator], "NDArray[np.uint8]"]


@dataclass(frozen=True)
class BicubicDownscale:
    """Shrink `scale` times by antialiased bicubic; the generator is not used."""

    scale: int

    def __call__(
        self,
        pixels: NDArray[np.uint8],
        rng: np.random.Generator,  # noqa: ARG002 - every degradation takes one
    ) -> NDArray[np.uint8]:
        """Return (H // scale, W // scale, C)."""
        return downscale(pixels, self.scale)


@dataclass(frozen=True)
class MotionBlur:
    """Blur along the path of a shaken camera, then add a little sensor noise.

    The path is a random walk with inertia, in the manner of Boracchi and Foi, IEEE TIP 2012. Blur
    and noise act on the values as stored, not on linear light.

    Attributes:
        shortest: Smallest length of the path in pixels.
        longest: Largest length of the path in pixels.
        noise: Largest standard deviation of the noise, in levels of 255.
    """

    shortest: float = 2.0
    longest: float = 16.0
    noise: float = 2.0

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the same shape, blurred."""
        kernel = motion_kernel(rng, rng.uniform(self.shortest, self.longest))
        values = convolve(pixels.astype(np.float32), kernel)
        values += rng.normal(0.0, rng.uniform(0.0, self.noise), values.shape)
        return _to_pixels(values)


@dataclass(frozen=True)
class PhoneCamera:
    """Make a photograph look as if a small phone camera had taken it.

    In order: a slight blur, a tone curve (gamma and lost contrast), a colour cast, lost
    saturation, vignetting and noise. Every strength is drawn per image.
    """

    blur: float = 0.9
    gamma: tuple[float, float] = (0.8, 1.5)
    contrast: tuple[float, float] = (0.6, 1.0)
    lift: float = 0.06
    cast: float = 0.08
    saturation: tuple[float, float] = (0.55, 1.0)
    vignette: float = 0.35
    noise: float = 4.0

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return RGB of the same shape."""
        values = convolve(pixels.astype(np.float32), gaussian_kernel(rng.uniform(0.2, self.blur)))
        values = np.clip(values / 255.0, 0.0, 1.0) ** rng.uniform(*self.gamma)
        values = values * rng.uniform(*self.contrast) + rng.uniform(0.0, self.lift)
        values *= 1.0 + rng.uniform(-self.cast, self.cast, 3)
        gray = values.mean(axis=2, keepdims=True)
        values = gray + (values - gray) * rng.uniform(*self.saturation)
        values *= vignette(pixels.shape[:2], rng.uniform(0.0, self.vignette))[..., None]
        values = values * 255.0 + rng.normal(0.0, rng.uniform(0.5, self.noise), values.shape)
        return _to_pixels(values)


def degrade_for(task: Task, scale: int) -> Degradation:
    """Return the degradation that a network of this task and scale undoes.

    Raises:
        UsageError: No degradation belongs to the task.
    """
    table: dict[str, Callable[[], Degradation]] = {
        "super-resolution": lambda: BicubicDownscale(scale),
        "photo-enhancement": PhoneCamera,
        "deblur": MotionBlur,
    }
    if task not in table:
        raise UsageError(f"There is no degradation for {task!r}; tasks are {', '.join(table)}.")
    return table[task]()


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
    return (kernel / kernel.sum()).astype(np.float32)


def gaussian_kernel(sigma: float) -> NDArray[np.float32]:
    """Return a Gaussian (k, k), k odd, that sums to one."""
    radius = max(1, int(np.ceil(3 * sigma)))
    line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = np.outer(line, line)
    return (kernel / kernel.sum()).astype(np.float32)


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


def vignette(size: tuple[int, int], strength: float) -> NDArray[np.float32]:
    """Return (H, W) factors: 1 in the centre, 1 - strength in the corners, by squared distance."""
    rows, columns = (np.linspace(-1.0, 1.0, length) for length in size)
    distance = (rows[:, None] ** 2 + columns[None, :] ** 2) / 2.0
    return (1.0 - strength * distance).astype(np.float32)


def _to_pixels(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
