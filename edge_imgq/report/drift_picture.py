"""Picture of the errors of a file in one image: an error map and crops of the worst region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.contact_sheet import SheetRow, contact_sheet, largest_error_region

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

AMPLIFIED = 16
GRADES = {
    0: (0, 0, 0),
    1: (40, 60, 150),
    2: (30, 140, 160),
    3: (60, 170, 60),
    5: (230, 200, 40),
    9: (230, 110, 30),
    17: (220, 30, 40),
}
"""Colour of the error map from each number of levels on."""

KEY = "error in levels: black 0, blue 1, cyan 2, green 3, yellow 5, orange 9, red 17 and more"
LINE = 16
MIN_WIDTH = 540


def drift_picture(title: str, float_image: Pixels, file_image: Pixels) -> Pixels:
    """Draw a map of a file's errors, and crops of both images where the error is largest.

    Args:
        title: text above the map.
        float_image: output of the float model, uint8 (H, W, C) with one channel or three.
        file_image: output of the file, of the same shape and dtype.

    Returns:
        uint8 RGB (height, width, 3), at least 540 wide. The map repeats pixels, or takes the
        largest error of a block of pixels, to fit the width of the crops below it.

    Raises:
        ValueError: the two shapes differ.
    """
    if float_image.shape != file_image.shape:
        raise ValueError(f"images of {float_image.shape} and {file_image.shape} are not comparable")
    region = largest_error_region(float_image, file_image)
    where = (
        f"rows {region[0].start} to {region[0].stop}, columns {region[1].start} to {region[1].stop}"
    )
    sheet = crops_picture(where, float_image[region], file_image[region])
    levels = _fitted(error_map(float_image, file_image), max(sheet.shape[1], MIN_WIDTH))
    return _stacked(title, levels, sheet)


def crops_picture(title: str, float_crop: Pixels, file_crop: Pixels) -> Pixels:
    """Draw crops of two images side by side with their amplified difference.

    Args:
        title: text above the crops.
        float_crop: crop of the float model's output, uint8 (h, w, C) with one channel or three;
            those over 96 pixels high or wide overlap.
        file_crop: crop of the file's output, of the same shape.

    Returns:
        uint8 RGB (height, width, 3).
    """
    crops = (
        ("float", _rgb(float_crop)),
        ("file", _rgb(file_crop)),
        (f"file - float, x {AMPLIFIED}", _rgb(amplified(file_crop, float_crop))),
    )
    return contact_sheet([SheetRow(title, crops)])


def error_map(one: Pixels, other: Pixels) -> Pixels:
    """Return the absolute difference of two uint8 images (H, W, C), the largest over channels.

    uint8 (H, W), in levels from 0 to 255, exact. Both have one shape.
    """
    difference = np.abs(one.astype(np.int16) - other).max(axis=2)
    levels: Pixels = difference.astype(np.uint8)
    return levels


def amplified(one: Pixels, other: Pixels) -> Pixels:
    """Return 128 + 16 · (one − other) of two uint8 images, clipped to 0 to 255.

    Both have one shape, which is that of the result.
    """
    difference = one.astype(np.int32) - other
    levels: Pixels = np.clip(128 + AMPLIFIED * difference, 0, 255).astype(np.uint8)
    return levels


def coloured(levels: Pixels) -> Pixels:
    """Colour a map of errors in levels, uint8 (H, W), as `KEY` says.

    Returns uint8 RGB (H, W, 3): black for 0, blue from 1, cyan from 2, green from 3, yellow from 5,
    orange from 9, red from 17.
    """
    starts = np.array(list(GRADES))
    colours = np.array(list(GRADES.values()), np.uint8)
    return colours[np.searchsorted(starts, levels, side="right") - 1]


def _fitted(levels: Pixels, width: int) -> Pixels:
    """Fit a map to a width: repeat pixels, or take the maximum of each block of pixels."""
    times = width // levels.shape[1]
    if times > 1:
        return levels.repeat(times, axis=0).repeat(times, axis=1)
    block = -(-levels.shape[1] // width)
    missing = [(0, -length % block) for length in levels.shape]
    padded = np.pad(levels, missing)
    rows, columns = (length // block for length in padded.shape)
    worst: Pixels = padded.reshape(rows, block, columns, block).max(axis=(1, 3))
    return worst


def _stacked(title: str, levels: Pixels, sheet: Pixels) -> Pixels:
    from PIL import Image, ImageDraw

    width = max(sheet.shape[1], levels.shape[1], MIN_WIDTH)
    top = 2 * LINE + levels.shape[0] + LINE
    canvas = Image.new("RGB", (width, top + sheet.shape[0]), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((6, 2), title, fill="black")
    draw.text((6, 2 + LINE), KEY, fill="black")
    canvas.paste(Image.fromarray(coloured(levels)), (0, 2 * LINE + 4))
    canvas.paste(Image.fromarray(sheet), (0, top))
    return np.asarray(canvas)


def _rgb(pixels: Pixels) -> Pixels:
    return pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
