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
"""Denominator of `WHOLE_LUMA`: luma times this is an integer."""


def rgb_to_y(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert RGB (H, W, 3), 0 to 255, to BT.601 luma (H, W, 1) in [16, 235].

    The result is float64 and not rounded. Weights are those of MATLAB's `rgb2ycbcr`.
    """
    luma: NDArray[np.float64] = (
        pixels.astype(np.float64) @ (RGB_TO_YCBCR[:1].T / 255.0) + LUMA_OFFSET[0]
    )
    return luma


def exact_luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert RGB (H, W, 3), uint8 or uint16, to BT.601 luma (H, W, 1) of that dtype.

    Values from 16 to 235 (times 257 for uint16), rounded half to even from the exact value.

    Of the 16.8 million colours, 194 lie halfway between two levels; there, the result of a float
    sum depends on the order of summation. Sums of integers are exact in float64 in any order, and
    their quotient is correctly rounded, so no other value becomes a tie. For uint16, luma has steps
    of 1/257 level.
    """
    total = pixels.astype(np.float64) @ WHOLE_LUMA
    total += LUMA_OFFSET[0] * LUMA_UNIT * codes_per_level(pixels)
    total /= LUMA_UNIT
    luma: NDArray[np.uint8] = np.rint(total, out=total)[..., np.newaxis].astype(pixels.dtype)
    return luma


def codes_per_level(pixels: NDArray[np.generic]) -> int:
    """Return how many codes of an array's dtype make one 8-bit level.

    257 for uint16, whose white is 65535 = 255 · 257. 1 for all other dtypes, since float arrays
    hold levels from 0 to 255 here, as uint8 does.
    """
    return 257 if pixels.dtype == np.uint16 else 1


def to_pixels(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Convert levels to uint8 of the same shape: rounded half to even and clipped to 0..255.

    Values must be finite.
    """
    pixels: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels
