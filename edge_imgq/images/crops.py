"""Evenly spaced crops and pixels that represent a large photograph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


def evenly_spaced_crops(pixels: Pixels, side: int, max_per_side: int, grid: int) -> Pixels:
    """Cut evenly spaced square crops, (N, side, side, C), of the image's dtype.

    Crops start at multiples of `grid` and overlap only if the image is not much larger than one. A
    smaller image is extended by reflection that repeats the border. A single crop along a side is
    taken from its middle.

    Args:
        pixels: (H, W, C).
        side: side of a crop in pixels.
        max_per_side: largest number of crops along each side of the image; N is at most its square.
        grid: pixel grid of the crops' corners, such as 8 to preserve JPEG blocks.
    """
    missing = [(0, max(0, side - length)) for length in pixels.shape[:2]]
    pixels = np.pad(pixels, (*missing, (0, 0)), mode="symmetric")
    rows, columns = (_starts(length, side, max_per_side, grid) for length in pixels.shape[:2])
    return np.stack(
        [pixels[top : top + side, left : left + side] for top in rows for left in columns]
    )


def evenly_spaced_pixels(pixels: Pixels, side: int) -> Pixels:
    """Pick evenly spaced pixels of (H, W, C): (side, side, C), a copy, nothing interpolated.

    Tones keep their shares approximately. Each pixel is nearest to the centre of its cell of a grid
    of side × side; a smaller image gives pixels several times.
    """
    rows, columns = ((np.arange(side) * 2 + 1) * n // (2 * side) for n in pixels.shape[:2])
    return pixels[np.ix_(rows, columns)]


def _starts(length: int, side: int, max_per_side: int, grid: int) -> tuple[int, ...]:
    last = (length - side) // grid
    count = min(max_per_side, -(-length // side)) if last else 1
    positions = np.linspace(0, last, count) if count > 1 else [last // 2]
    return tuple(int(position) * grid for position in positions)
