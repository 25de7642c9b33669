"""Pixel conversions in integer arithmetic; the code for apps mirrors this file line by line.

All results equal those of `edge-imgq enhance` byte for byte, except the colours beside a luma
network: `enhance` upscales them by bicubic, apps by bilinear interpolation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import exact_luma

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Integers = NDArray[np.int64]


def limited(full: Integers) -> Integers:
    """Convert full-range luma (0 … 255) to limited range (16 … 235), int64 of any shape.

    16 + luma · 219 / 255, rounded to the nearest in integer arithmetic.
    """
    return 16 + (full * 438 + 255) // 510


def full(luma: Integers) -> Integers:
    """Convert limited-range luma (16 … 235) to full range (0 … 255), int64 of any shape.

    (luma - 16) · 255 / 219, rounded to the nearest in integer arithmetic, and clipped.
    """
    return np.clip(((luma - 16) * 170 + 73) // 146, 0, 255)


def from_yuv(luma: Pixels, cb: Pixels, cr: Pixels, rotation: int) -> Pixels:
    """Convert a camera frame, full-range BT.601 YCbCr 4:2:0, to an upright RGB image.

    Every chroma sample is repeated for its 2 × 2 pixels. Coefficients are multiples of 2⁻¹⁶, and
    results are rounded and clipped to 0 … 255.

    Args:
        luma: uint8 (H, W).
        cb: uint8 (⌈H/2⌉, ⌈W/2⌉), 128 for grey.
        cr: uint8 (⌈H/2⌉, ⌈W/2⌉), 128 for grey.
        rotation: clockwise rotation in degrees: 0, 90, 180 or 270.

    Returns:
        uint8 (H, W, 3), or (W, H, 3) if rotated by 90 or 270 degrees.
    """
    height, width = luma.shape
    y = luma.astype(np.int64)
    u, v = (
        plane.repeat(2, 0).repeat(2, 1)[:height, :width].astype(np.int64) - 128
        for plane in (cb, cr)
    )
    red = y + (91881 * v + 32768 >> 16)
    green = y - (22554 * u + 46802 * v + 32768 >> 16)
    blue = y + (116130 * u + 32768 >> 16)
    image = np.clip(np.stack([red, green, blue], -1), 0, 255).astype(np.uint8)
    return np.rot90(image, -rotation // 90)


def recoloured(rgb: Pixels, luma: Pixels) -> Pixels:
    """Upscale an RGB image bilinearly by a whole scale and replace its luma.

    The result is uint8 (scale × H, scale × W, 3), rounded and clipped. Arithmetic is in integers,
    so all languages give the same bytes.

    Args:
        rgb: uint8 (H, W, 3).
        luma: BT.601 luma in 16 … 235, uint8 (scale × H, scale × W, 1).
    """
    larger = _bilinear(rgb, luma.shape[0] // rgb.shape[0])
    change = luma.astype(np.int64) - exact_luma(larger)
    moved = larger.astype(np.int64) + (change * 170 + 73) // 146
    return np.clip(moved, 0, 255).astype(np.uint8)


def _bilinear(rgb: Pixels, scale: int) -> Pixels:
    unit = 2 * scale
    (top, bottom, below), (west, east, beside) = (_lines(n, scale) for n in rgb.shape[:2])
    values = rgb.astype(np.int64)
    along = values[:, west] * (unit - beside)[:, None] + values[:, east] * beside[:, None]
    weight = below[:, None, None]
    total = along[top] * (unit - weight) + along[bottom] * weight
    result: Pixels = ((total + unit * unit // 2) // (unit * unit)).astype(np.uint8)
    return result


def _lines(length: int, scale: int) -> tuple[Integers, Integers, Integers]:
    """Return the two source lines of each upscaled line, and the weight of the second."""
    position = 2 * np.arange(length * scale) + 1 - scale
    first = position // (2 * scale)
    return np.maximum(first, 0), np.minimum(first + 1, length - 1), position - first * 2 * scale
