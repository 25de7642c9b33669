"""Colour images from networks that predict a and b from lightness, in CIELAB under D65."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import to_pixels

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.ports import Port

    Pixels: TypeAlias = NDArray[np.uint8]

LIGHTEST = 100.0
"""L of white."""

WIDEST = 128.0
"""Value of a and b that corresponds to 1 in networks with outputs from -1 to 1."""

UNIT = 2.0
"""A port with a range within ±UNIT is in units of WIDEST, any other in units of a and b."""


BAND = 16
"""Rows converted at a time: scikit-image needs over 100 bytes per pixel."""


def lightness_of(photo: Pixels) -> Pixels:
    """Compute the lightness of a photograph, uint8 (H, W, 1), 255 for white.

    `photo` is gray or sRGB, uint8 (H, W, 1 or 3). The result is L of CIELAB under D65, 0 to 100,
    times 2.55, rounded half to even. It computes in float64 with scikit-image.
    """
    from skimage.color import rgb2lab

    lightness = np.empty((*photo.shape[:2], 1), np.uint8)
    for top in range(0, photo.shape[0], BAND):
        colours = np.broadcast_to(photo[top : top + BAND], (*photo[top : top + BAND].shape[:2], 3))
        lab = rgb2lab(colours)
        lightness[top : top + BAND] = to_pixels(lab[..., :1] * (255.0 / LIGHTEST))
    return lightness


def coloured(lightness: Pixels, levels: Pixels, port: Port) -> Pixels:
    """Combine lightness with a and b of CIELAB to one sRGB image, uint8 (H, W, 3).

    Results are rounded half to even; colours outside sRGB are clipped.

    Args:
        lightness: uint8 (H, W, 1), 255 for white.
        levels: a and b, uint8 (H, W, 2), with 0 … 255 spanning the port's range.
        port: port of a and b. With a range within ±2 (UNIT), 1 means an a or b of 128 (WIDEST);
            otherwise its numbers are a and b themselves.
    """
    result, top = np.empty((*lightness.shape[:2], 3), np.uint8), 0
    for band in coloured_bands(lightness, levels, port):
        result[top : top + BAND] = band
        top += BAND
    return result


def coloured_bands(lightness: Pixels, levels: Pixels, port: Port) -> Iterator[Pixels]:
    """Combine lightness with a and b; yield sRGB bands of rows, uint8, from the top.

    Bands are (rows, W, 3) of 16 rows (BAND); the last one may have fewer. Values are rounded half
    to even; colours outside sRGB are clipped.

    Args:
        lightness: uint8 (H, W, 1), 255 for white.
        levels: a and b, uint8 (H, W, 2), with 0 … 255 spanning the port's range.
        port: port of a and b. With a range within ±2 (UNIT), 1 means an a or b of 128 (WIDEST);
            otherwise its numbers are a and b themselves.
    """
    for top in range(0, lightness.shape[0], BAND):
        yield _coloured(lightness[top : top + BAND], levels[top : top + BAND], port)


def _coloured(lightness: Pixels, levels: Pixels, port: Port) -> Pixels:
    from skimage.color import lab2rgb

    colours = port.numbers(levels)
    if max(map(abs, (*port.low, *port.high))) <= UNIT:
        colours = colours * WIDEST
    lab = np.concatenate([lightness * (LIGHTEST / 255.0), colours], axis=2)
    # Keep Z at least 0: scikit-image would clip it and warn for every band.
    lab[..., 2] = np.minimum(lab[..., 2], (lab[..., 0] + 16.0) / 116.0 * 200.0 * (1.0 - 1e-12))
    return to_pixels(lab2rgb(lab) * 255.0)
