"""Contact sheets of crops side by side, for visual comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SIDE = 96
"""Side of a crop, in pixels of the ground truth."""
ENLARGED = 2
"""Integer factor by which crops are enlarged."""
MARGIN = 6
CAPTION = 14
"""Height of a line of text in pixels."""


@dataclass(frozen=True)
class SheetRow:
    """One row of the sheet: the same crop of one image by several methods.

    Attributes:
        title: title of the row.
        crops: caption and pixels, uint8 (h, w, 3), of each method, all of one size.
    """

    title: str
    crops: tuple[tuple[str, NDArray[np.uint8]], ...]


def largest_error_region(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Find the square of side 96 with the largest sum of squared differences of two images.

    Both are uint8 (H, W, C) of one shape. Of equal sums, the topmost and then the leftmost counts.

    Returns:
        Its rows and columns as slices, as long as the image where that is below 96 (SIDE).
    """
    difference = np.square(one.astype(np.float64) - other).sum(axis=2)
    height, width = (min(SIDE, length) for length in difference.shape)
    # Sums over all squares from an integral image.
    total = np.pad(difference.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[height:, width:] - total[:-height, width:]
    sums += total[:-height, :-width] - total[height:, :-width]
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def contact_sheet(rows: Sequence[SheetRow]) -> NDArray[np.uint8]:
    """Draw rows of crops with their captions on white; return uint8 RGB (H, W, 3).

    Crops are enlarged by repeating pixels twice along each axis (ENLARGED); cells are as large as a
    crop of side 96 (SIDE), so larger crops overlap. Rows with fewer crops leave cells empty.

    Raises:
        ValueError: there is no row.
    """
    from PIL import Image, ImageDraw

    cell = SIDE * ENLARGED + MARGIN
    columns = max(len(row.crops) for row in rows)
    size = (MARGIN + columns * cell, len(rows) * (cell + 2 * CAPTION) + MARGIN)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for index, row in enumerate(rows):
        top = index * (cell + 2 * CAPTION) + MARGIN
        draw.text((MARGIN, top), row.title, fill="black")
        for column, (caption, pixels) in enumerate(row.crops):
            left = MARGIN + column * cell
            draw.text((left, top + CAPTION), caption, fill="black")
            enlarged = pixels.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
            sheet.paste(Image.fromarray(enlarged), (left, top + 2 * CAPTION))
    return np.asarray(sheet)
