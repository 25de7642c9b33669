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
WHOLE_LUMA = np.rint(RGB_TO_YCBCR[0] * 1000)
LUMA_UNIT = 255000.0
"""What `WHOLE_LUMA` counts in: luma times this is a whole number."""


def rgb_to_y(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert RGB (H, W, 3) in 0..255 to luma (H, W, 1) in [16, 235], not rounded."""
    luma: NDArray[np.float64] = (
        pixels.astype(np.float64) @ (RGB_TO_YCBCR[:1].T / 255.0) + LUMA_OFFSET[0]
    )
    return luma


def exact_luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert RGB (H, W, 3) to luma (H, W, 1), rounded as whole numbers are, halves to even.

    Of the 16.8 million colours, 194 lie in the middle between two levels; there, sums of fractions
    round as the processor adds them up. Sums of whole numbers are exact in float64 in any order,
    and a quotient is the nearest there is, so that what is no half does not become one. Of uint16
    it is luma in steps of 1/257.
    """
    total = pixels.astype(np.float64) @ WHOLE_LUMA
    total += LUMA_OFFSET[0] * LUMA_UNIT * steps_of(pixels)
    total /= LUMA_UNIT
    luma: NDArray[np.uint8] = np.rint(total, out=total)[..., np.newaxis].astype(pixels.dtype)
    return luma


def steps_of(pixels: NDArray[np.generic]) -> int:
    """Return how many steps of an image make a level of 8 bits: 257 of uint16, 1 of others."""
    return 257 if pixels.dtype == np.uint16 else 1


def to_pixels(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round values on the scale 0..255 and clip them to it."""
    pixels: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels
