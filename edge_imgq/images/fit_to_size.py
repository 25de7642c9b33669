"""Crop and extend photographs to the sizes that networks take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.resize import crop_to_multiple
from edge_imgq.scale import Scale, scaled

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract

    Pixels: TypeAlias = NDArray[np.uint8]

MAX_SIDE = 768
"""Photographs are cropped to this many pixels a side around the centre, which bounds memory and
time; almost every image of the published test sets fits whole."""


def fit(
    picture: Pixels, size: tuple[int, int] | None, contract: ImageContract, unit: Scale
) -> Pixels:
    """Crop a picture (H, W, C) around its centre to a size that the network takes.

    With a fixed size, the result has `unit` times that, extended at the bottom and right by
    reflection that repeats the border if the picture is smaller. Otherwise the network's output has
    at most 768 pixels (MAX_SIDE) a side, and sides are multiples as the contract states; the result
    is empty if a side is smaller than the multiple. Values are unchanged.

    Args:
        picture: input or ground truth.
        size: fixed input height and width of the network; None if it takes any.
        contract: contract of the network, with its scale and multiple.
        unit: pixels of this picture per input pixel: 1 for an input, the scale for a truth.
    """
    multiple = contract.scale.denominator
    if size is not None:
        wanted = (scaled(size[0], unit), scaled(size[1], unit))
        return _mirror(_centre(picture, size, unit, multiple), wanted)
    most = int(MAX_SIDE // contract.scale)
    # Crop to the multiple at the bottom and right, as the papers do.
    centre = _centre(picture, (most, most), unit, multiple)
    return crop_to_multiple(centre, scaled(contract.multiple, unit))


def _centre(pixels: Pixels, limit: tuple[int, int], unit: Scale, multiple: int) -> Pixels:
    """Crop to at most `limit` input pixels around the centre, and to a multiple of `multiple`."""
    whole, (rows, columns) = scaled(multiple, unit), (length // multiple for length in limit)
    top, left = (
        max(pixels.shape[i] // whole - most, 0) // 2 * whole
        for i, most in ((0, rows), (1, columns))
    )
    return pixels[top : top + rows * whole, left : left + columns * whole]


def _mirror(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Extend at the bottom and right to `size` by reflection that repeats the border."""
    missing = [(0, size[i] - pixels.shape[i]) for i in (0, 1)]
    return np.pad(pixels, (*missing, (0, 0)), mode="symmetric")
