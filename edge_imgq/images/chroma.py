"""Chroma for networks that process luma only: separate it, enlarge it, and recombine.

For uint16 images all levels stated here are 257 times as large.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.bicubic import enlarged_bands
from edge_imgq.images.colour import LUMA_OFFSET, RGB_TO_YCBCR, codes_per_level, exact_luma
from edge_imgq.images.resize import resized

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

BAND = 8
"""Rows converted at a time, so that their planes stay in the caches."""

FULL_RANGE = 255 / RGB_TO_YCBCR[0].sum()
"""Levels of full-range luma, 0 to 255, per level of limited-range luma, 16 to 235."""

BT601 = RGB_TO_YCBCR[0] / RGB_TO_YCBCR[0].sum()
"""Weights of red, green and blue in full-range luma."""

DIFFERENCES = np.eye(3)[[0, 2]] - BT601
"""Matrix from RGB to R - Y and B - Y."""


def luma_of(photo: Pixels) -> Pixels:
    """Convert RGB (H, W, 3), uint8 or uint16, to BT.601 luma (H, W, 1) of the same dtype.

    Luma is 16..235 (times 257 for uint16), correctly rounded, half to even (`exact_luma`).
    """
    luma = np.empty((*photo.shape[:2], 1), photo.dtype)
    for rows in _bands(photo.shape[0]):
        luma[rows] = exact_luma(photo[rows])
    return luma


def recoloured(photo: Pixels, luma: Pixels) -> Pixels:
    """Combine a new luma with the photograph's chroma, enlarged by bicubic, to RGB.

    It computes in float32, four times as fast as float64. The error is below 0.0002 levels, so a
    value differs from exact arithmetic by at most one level, and only that close to a tie.

    Args:
        photo: RGB (H, W, 3), uint8 or uint16.
        luma: BT.601 luma from the network, 16..235 (times 257 for uint16), (h, w, 1) of any size,
            of the photograph's dtype.

    Returns:
        RGB (h, w, 3) of the luma's dtype, rounded half up and clipped.
    """
    result = np.empty((*luma.shape[:2], 3), luma.dtype)
    for rows, chroma in _enlarged_chroma(photo, luma):
        _recolour(luma[rows], chroma, result[rows])
    return result


def recoloured_bands(photo: Pixels, luma: Pixels) -> Iterator[Pixels]:
    """Combine a new luma with the photograph's chroma as `recoloured` does; yield bands of rows.

    `photo` is RGB (H, W, 3), `luma` (h, w, 1) in 16..235; both uint8, or uint16 and 257 times as
    large. Bands come from the top, each a new RGB array (rows, w, 3) of that dtype.
    """
    for rows, chroma in _enlarged_chroma(photo, luma):
        lines = luma[rows]
        result = np.empty((*lines.shape[:2], 3), luma.dtype)
        _recolour(lines, chroma, result)
        yield result


def _enlarged_chroma(photo: Pixels, luma: Pixels) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield rows of the luma's grid with the enlarged chroma; see `enlarged_bands`."""
    scale, size = luma.shape[0] // photo.shape[0], (photo.shape[0], photo.shape[1])
    if luma.shape[:2] == (size[0] * scale, size[1] * scale):
        return enlarged_bands(size, scale, lambda rows: chroma_of(photo[rows]))
    height, width = luma.shape[:2]
    planes = [resized(plane, (height, width)) for plane in chroma_of(photo)]
    return iter([(slice(0, height), np.stack(planes))])


def _recolour(luma: Pixels, chroma: NDArray[np.float32], result: Pixels) -> None:
    """Call `coloured` with luma (H, W, 1) on a few rows at a time."""
    for rows in _bands(luma.shape[0]):
        coloured(luma[rows, :, 0], chroma[:, rows], result[rows])


def chroma_of(photo: Pixels) -> NDArray[np.float32]:
    """Compute R - Y and B - Y of RGB (H, W, 3), uint8 or uint16; float32 (2, H, W), not rounded.

    Y is full-range luma of BT.601; the unit is a level of the pixels' dtype. The differences are
    multiples of BT.601's Cr and Cb, so linear interpolation treats them alike.
    """
    pixels = photo.reshape(-1, 3).astype(np.float32)
    chroma: NDArray[np.float32] = DIFFERENCES.astype(np.float32) @ pixels.T
    return chroma.reshape(2, *photo.shape[:2])


def coloured(luma: Pixels, chroma: NDArray[np.float32], result: Pixels) -> None:
    """Convert luma, R - Y and B - Y to RGB in float32; write it rounded half up and clipped.

    Args:
        luma: BT.601 luma (H, W), uint8 in 16..235, or uint16 and 257 times as large.
        chroma: float32 (2, H, W) as from `chroma_of`; overwritten.
        result: RGB (H, W, 3) of the luma's dtype, written.
    """
    light = luma * np.float32(FULL_RANGE)
    black = LUMA_OFFSET[0] * FULL_RANGE * codes_per_level(luma)
    light += np.float32(0.5 - black)  # so that the cast to integers rounds
    red, blue = chroma
    # Y is the weighted sum of R, G and B, so the weighted differences from it sum to zero.
    green = red * np.float32(-BT601[0] / BT601[1])
    green += blue * np.float32(-BT601[2] / BT601[1])
    for channel, plane in enumerate((red, green, blue)):
        plane += light
        np.clip(plane, 0, 255 * codes_per_level(luma), out=plane)
        result[..., channel] = plane


def _bands(height: int) -> Iterator[slice]:
    for top in range(0, height, BAND):
        yield slice(top, min(top + BAND, height))
