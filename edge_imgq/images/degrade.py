"""Seeded degradations that turn an ordinary photograph into a network's input.

Each is a function of uint8 pixels (H, W, C) and a `numpy.random.Generator`; the same generator
state gives the same result.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import UsageError
from edge_imgq.images.colour import to_pixels
from edge_imgq.images.resize import downscale

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        return to_pixels(values)


@dataclass(frozen=True)
class PhoneCamera:
    """Make a photograph look as if one kind of small phone camera had taken it.

    In order: a slight blur, a tone curve (gamma, lost contrast, lifted blacks), a colour cast,
    lost saturation, vignetting and noise. A network that sees a few dozen pixels cannot guess
    what is drawn anew for each image, so most of the change is common to all images: each range
    is narrow and lies on one side of "no change".

    Attributes:
        blur: Standard deviation of the blur, in pixels.
        gamma: Exponent on values in [0, 1]; above 1 darkens.
        contrast: Factor on the values.
        lift: Added to the values, which are in [0, 1].
        cast: Factors of red, green and blue.
        cast_spread: Largest deviation of a factor from `cast`.
        saturation: Factor on the distance from gray.
        vignette: Share of light lost in the corners.
        noise: Standard deviation of the noise, in levels of 255.
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
        """Return RGB of the same shape."""
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


@dataclass(frozen=True)
class JpegCompression:
    """Compress as JPEG and decompress again, at a quality drawn evenly from a range.

    Pillow's quality is that of the Independent JPEG Group, as is MATLAB's. One channel is
    compressed as a gray image, three as RGB with Pillow's chroma subsampling.

    Attributes:
        quality: Lowest and highest quality, both possible.
    """

    quality: tuple[int, int] = (10, 60)

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the same shape, with JPEG artefacts on the 8x8 grid of the first pixel."""
        return compress_jpeg(pixels, int(rng.integers(self.quality[0], self.quality[1] + 1)))


@dataclass(frozen=True)
class GaussianNoise:
    """Add white Gaussian noise of a standard deviation that is drawn evenly from a range.

    Attributes:
        sigma: Smallest and largest standard deviation, in levels of 255.
    """

    sigma: tuple[float, float] = (0.0, 55.0)

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the same shape, noisy, rounded and clipped to 8 bits."""
        return to_pixels(pixels + rng.normal(0.0, rng.uniform(*self.sigma), pixels.shape))


def degrade_for(task: str, scale: int) -> Degradation:
    """Return the degradation that a network of this task and scale undoes.

    Raises:
        UsageError: No degradation belongs to the task.
    """
    table: dict[str, Callable[[], Degradation]] = {
        "super-resolution": lambda: BicubicDownscale(scale),
        "photo-enhancement": PhoneCamera,
        "deblur": MotionBlur,
        "jpeg": JpegCompression,
        "denoise": GaussianNoise,
    }
    if task not in table:
        raise UsageError(f"There is no degradation for {task!r}; tasks are {', '.join(table)}.")
    return table[task]()


def compress_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return (H, W, 1) or (H, W, 3) as it comes back from a JPEG file of this quality, 1..100."""
    from PIL import Image

    channels = pixels.shape[2]
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    decoded = np.asarray(Image.open(file))
    return decoded[..., None] if channels == 1 else decoded


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


def light_falloff(size: tuple[int, int], strength: float) -> NDArray[np.float32]:
    """Return (H, W) factors: 1 in the centre, 1 - strength in the corners, by squared distance."""
    rows, columns = (np.linspace(-1.0, 1.0, length) for length in size)
    distance = (rows[:, None] ** 2 + columns[None, :] ** 2) / 2.0
    return (1.0 - strength * distance).astype(np.float32)


def _normalised(kernel: NDArray[np.float64]) -> NDArray[np.float32]:
    share: NDArray[np.float32] = (kernel / kernel.sum()).astype(np.float32)
    return share
