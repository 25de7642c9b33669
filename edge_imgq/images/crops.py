"""Crops that stand for a photograph whose every pixel need not be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


def spread_crops(pixels: Pixels, side: int, most: int, grid: int) -> Pixels:
    """Return squares (N, side, side, C) that lie evenly over an image.

    They do not overlap but where the image is not much larger than one, and begin at multiples of
    `grid`. An image that is smaller is continued by its mirror image.

    Args:
        pixels: (H, W, C).
        side: of a crop.
        most: crops along a side of the image at most.
        grid: such as 8, where blocks of a JPEG are to stay in place.
    """
    missing = [(0, max(0, side - length)) for length in pixels.shape[:2]]
    pixels = np.pad(pixels, (*missing, (0, 0)), mode="symmetric")
    rows, columns = (_starts(length, side, most, grid) for length in pixels.shape[:2])
    return np.stack(
        [pixels[top : top + side, left : left + side] for top in rows for left in columns]
    )


def _starts(length: int, side: int, most: int, grid: int) -> tuple[int, ...]:
    last = (length - side) // grid
    count = min(most, -(-length // side)) if last else 1
    places = np.linspace(0, last, count) if count > 1 else [last // 2]
    return tuple(int(place) * grid for place in places)
