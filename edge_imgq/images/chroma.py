"""Colour beside a network that works on luma alone: split it off, enlarge it, put it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import exact_luma, rgb_to_ycbcr, ycbcr_to_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAND = 32
"""Rows that are converted at a time: colour conversion is in float64, eight times the pixels, and
quickest where they stay in the caches."""


def luma_of(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return Y of BT.601 in 16..235, uint8 (H, W, 1), of RGB (H, W, 3)."""
    luma = np.empty((*photo.shape[:2], 1), np.uint8)
    for rows in _bands(photo.shape[0]):
        luma[rows] = exact_luma(photo[rows])
    return luma


def recoloured(photo: NDArray[np.uint8], luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGB with a new luma and the photograph's chroma, enlarged by bicubic to fit.

    Args:
        photo: RGB (H, W, 3).
        luma: (scale × H, scale × W, 1), from the network.
    """
    from PIL import Image

    scale, width = luma.shape[0] // photo.shape[0], photo.shape[1]
    chroma = np.empty((2, *photo.shape[:2]), np.float32)
    for rows in _bands(photo.shape[0]):
        chroma[:, rows] = np.moveaxis(rgb_to_ycbcr(photo[rows])[..., 1:], -1, 0)
    planes = [Image.fromarray(plane) for plane in chroma]
    del chroma  # the images are copies, and photographs are large
    result = np.empty((*luma.shape[:2], 3), np.uint8)
    for rows in _bands(luma.shape[0]):
        ycbcr = np.empty((rows.stop - rows.start, luma.shape[1], 3))
        ycbcr[..., 0] = luma[rows, :, 0]
        # Pillow reads beyond the box where the kernel does, so bands equal the whole.
        box = (0, rows.start / scale, width, rows.stop / scale)
        for channel, plane in enumerate(planes, 1):
            ycbcr[..., channel] = plane.resize(
                (luma.shape[1], rows.stop - rows.start), Image.Resampling.BICUBIC, box
            )
        result[rows] = ycbcr_to_rgb(ycbcr)
    return result


def _bands(height: int) -> Iterator[slice]:
    for top in range(0, height, BAND):
        yield slice(top, min(top + BAND, height))
