"""Antialiased bicubic resizing, as in MATLAB's `imresize` and the super-resolution papers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import to_pixels
from edge_imgq.scale import Scale, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray


def resize(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize uint8 (H, W, C) to `size` = (height, width) by bicubic with a = -0.5.

    Shrinking widens the kernel by the factor, as MATLAB's antialiasing does. Each channel is
    resized in float32 and rounded to 8 bits once, half to even, with clipping. The corners of both
    images coincide (half-pixel centres); beyond the border, taps are dropped and the others
    normalized.
    """
    channels = [
        resized(pixels[..., index].astype(np.float32), size) for index in range(pixels.shape[2])
    ]
    return to_pixels(np.stack(channels, axis=-1))


def resized(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resize one channel, float32 (H, W), to `size` = (height, width) by bicubic with a = −0.5.

    Shrinking widens the kernel by the factor (antialiasing). The result is float32, neither rounded
    nor clipped.
    """
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def downscale(pixels: NDArray[np.uint8], scale: Scale) -> NDArray[np.uint8]:
    """Shrink uint8 (H, W, C) by `scale`, as `resize` does: antialiased bicubic, rounded to 8 bits.

    `scale` divides the sides: 2 gives (H // 2, W // 2, C). Before that, H and W are cropped at the
    bottom and right to multiples of the scale's numerator.

    Raises:
        ValueError: a side is smaller than the numerator.
    """
    cropped = crop_to_multiple(pixels, scale.numerator)
    height, width = (side // scale.numerator * scale.denominator for side in cropped.shape[:2])
    return resize(cropped, (height, width))


def upscale(pixels: NDArray[np.uint8], scale: Scale) -> NDArray[np.uint8]:
    """Enlarge uint8 (H, W, C) by bicubic with a = −0.5 to (scale · H, scale · W, C), uint8.

    Sides are rounded down where the scale is a fraction; values are rounded half to even and
    clipped.
    """
    return resize(pixels, (scaled(pixels.shape[0], scale), scaled(pixels.shape[1], scale)))


def crop_to_multiple(pixels: NDArray[np.uint8], multiple: int) -> NDArray[np.uint8]:
    """Crop (H, W, C) at the bottom and right so that H and W are multiples of `multiple`.

    The result is a view; it is empty if a side is smaller than `multiple`.
    """
    height, width = pixels.shape[:2]
    return pixels[: height - height % multiple, : width - width % multiple]
