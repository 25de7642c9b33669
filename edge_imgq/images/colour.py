"""Conversion between RGB and the limited-range YCbCr of BT.601."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RGB_TO_YCBCR = np.array(
    [
        [65.481, 128.553, 24.966],
        [-37.797, -74.203, 112.0],
        [112.0, -93.786, -18.214],
    ]
)
LUMA_OFFSET = np.array([16.0, 128.0, 128.0])
_BACKWARD = np.linalg.inv(RGB_TO_YCBCR)


def rgb_to_ycbcr(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert RGB (H, W, 3) in 0..255 to YCbCr: Y in [16, 235], Cb and Cr in [16, 240].

    The coefficients are those of MATLAB's `rgb2ycbcr`, which the super-resolution papers use.
    Nothing is rounded.
    """
    ycbcr: NDArray[np.float64] = pixels.astype(np.float64) @ (RGB_TO_YCBCR.T / 255.0) + LUMA_OFFSET
    return ycbcr


def rgb_to_y(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert RGB (H, W, 3) in 0..255 to luma (H, W, 1) in [16, 235], not rounded."""
    luma: NDArray[np.float64] = (
        pixels.astype(np.float64) @ (RGB_TO_YCBCR[:1].T / 255.0) + LUMA_OFFSET[0]
    )
    return luma


def exact_luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert RGB (H, W, 3) to luma (H, W, 1), rounded in whole numbers, halves to even.

    Of the 16.8 million colours, 194 lie in the middle between two levels; there, sums of floats
    round as the processor adds them up.
    """
    red, green, blue = (pixels[..., channel].astype(np.int64) for channel in range(3))
    whole, rest = np.divmod(65481 * red + 128553 * green + 24966 * blue + 16 * 255000, 255000)
    up = (rest > 127500) | ((rest == 127500) & (whole % 2 == 1))
    luma: NDArray[np.uint8] = (whole + up)[..., np.newaxis].astype(np.uint8)
    return luma


def ycbcr_to_rgb(pixels: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Convert YCbCr (H, W, 3) back to RGB (H, W, 3), rounded and clipped to 0..255."""
    rgb = (np.asarray(pixels, np.float64) - LUMA_OFFSET) @ (_BACKWARD.T * 255.0)
    return to_pixels(rgb)


def to_pixels(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round values on the scale 0..255 and clip them to it."""
    pixels: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels
