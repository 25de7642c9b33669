"""The sheet of crops: the right place, the right size."""

from __future__ import annotations

import numpy as np

from edge_imgq.images.contact_sheet import (
    CAPTION,
    ENLARGED,
    MARGIN,
    SIDE,
    SheetRow,
    contact_sheet,
    largest_error_region,
)


def test_the_place_is_where_two_images_differ_most() -> None:
    one = np.zeros((300, 400, 1), np.uint8)
    other = one.copy()
    other[10:20, 10:20] = 9
    other[200:210, 300:310] = 200
    rows, columns = largest_error_region(one, other)
    assert rows.stop - rows.start == columns.stop - columns.start == SIDE
    assert rows.start <= 200 < 210 <= rows.stop
    assert columns.start <= 300 < 310 <= columns.stop


def test_a_small_image_is_shown_whole() -> None:
    one = np.zeros((40, 200, 3), np.uint8)
    rows, columns = largest_error_region(one, one + 1)
    assert (rows.start, rows.stop) == (0, 40)
    assert columns.stop - columns.start == SIDE


def test_crops_stand_side_by_side_as_they_are() -> None:
    red, blue = (np.full((SIDE, SIDE, 3), c, np.uint8) for c in ((255, 0, 0), (0, 0, 255)))
    sheet = contact_sheet([SheetRow("a", (("one", red), ("other", blue)))] * 2)
    cell = SIDE * ENLARGED + MARGIN
    assert sheet.shape == (2 * (cell + 2 * CAPTION) + MARGIN, 2 * cell + MARGIN, 3)
    for row in (0, 1):
        middle = row * (cell + 2 * CAPTION) + MARGIN + 2 * CAPTION + SIDE
        assert tuple(sheet[middle, MARGIN + SIDE]) == (255, 0, 0)
        assert tuple(sheet[middle, MARGIN + cell + SIDE]) == (0, 0, 255)
