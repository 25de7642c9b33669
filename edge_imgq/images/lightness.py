"""Colours from a network that adds a and b to lightness, in CIELAB under D65."""

from __future__ import annotations

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
"""Of a and b, what 1 stands for in networks that return -1 to 1."""

UNIT = 2.0
"""Ends of a port below this count in WIDEST, others in a and b themselves."""


def lightness_of(photo: Pixels) -> Pixels:
    """Return the lightness of a photograph (H, W, 1 or 3) as (H, W, 1), 255 for white."""
    from skimage.color import rgb2lab

    colours = np.repeat(photo, 3, axis=2) if photo.shape[2] == 1 else photo
    return to_pixels(rgb2lab(colours)[..., :1] * (255.0 / LIGHTEST))


def coloured(lightness: Pixels, levels: Pixels, port: Port) -> Pixels:
    """Return the picture (H, W, 3) of a lightness (H, W, 1) and of a and b.

    Args:
        lightness: 255 for white.
        levels: of a and b (H, W, 2), where 0 … 255 is the port's range.
        port: what they are.
    """
    from skimage.color import lab2rgb

    low, high = np.array(port.low), np.array(port.high)
    colours = low + levels / 255.0 * (high - low)
    if max(map(abs, (*port.low, *port.high))) <= UNIT:
        colours = colours * WIDEST
    lab = np.concatenate([lightness * (LIGHTEST / 255.0), colours], axis=2)
    return to_pixels(lab2rgb(lab) * 255.0)
