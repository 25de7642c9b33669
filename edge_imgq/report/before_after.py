"""Photographs before and after, as one page of HTML that holds all it shows and works offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.files import in_colour
from edge_imgq.report.check_page import data_uri, html_template

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

SIDE = 512
"""Pixels of the place that is shown, a side."""

MOST_BYTES = 12_000_000
"""Of all pictures together; those beyond are left out, and the page says how many."""


@dataclass(frozen=True)
class BeforeAfter:
    """One photograph as the page holds it: data URIs, and where they lie in the result."""

    name: str
    before: str
    after: str
    left: int
    top: int
    width: int
    height: int
    whole_width: int
    whole_height: int

    @property
    def bytes(self) -> int:
        """What it adds to the page."""
        return len(self.before) + len(self.after)


def before_after_page(title: str, photos: Iterable[tuple[str, Pixels, Pixels]]) -> str:
    """Return the page.

    Args:
        title: of the page.
        photos: name, photograph and result of each; read one after the other.
    """
    pictures, size, left_out, enlarged = [], 0, 0, False
    for name, before, after in photos:
        if size > MOST_BYTES:
            left_out += 1
            continue
        pictures.append(_picture(name, before, after))
        size += pictures[-1].bytes
        enlarged = enlarged or _scale(before, after) > 1
    return html_template("before_after.html.j2").render(
        title=title, pictures=pictures, left_out=left_out, enlarged=enlarged
    )


def _picture(name: str, before: Pixels, after: Pixels) -> BeforeAfter:
    from PIL import Image

    scale = _scale(before, after)
    before, after = _alike(in_colour(before, "rgb"), in_colour(after, "rgb"), scale)
    result = Image.fromarray(after)
    rows, columns = _busiest(before, np.asarray(result.reduce(scale)), max(SIDE // scale, 1))
    box = columns.start, rows.start, columns.stop, rows.stop
    left, top, right, bottom = (scale * side for side in box)
    size = right - left, bottom - top
    enlarged = Image.fromarray(before).resize(size, Image.Resampling.BICUBIC, box)
    shown = [
        data_uri(np.asarray(one)) for one in (enlarged, result.crop((left, top, right, bottom)))
    ]
    return BeforeAfter(name, shown[0], shown[1], left, top, *size, after.shape[1], after.shape[0])


def _scale(before: Pixels, after: Pixels) -> int:
    """Return how many times a photograph was enlarged, its last row perhaps left out."""
    height, enlarged = int(before.shape[0]), int(after.shape[0])
    return -(-enlarged // height)


def _alike(before: Pixels, after: Pixels, scale: int) -> tuple[Pixels, Pixels]:
    """Return both without the rows and columns that one lacks: a mosaic has an even number.

    A photograph whose mosaic gives a smaller image is made as small.
    """
    from PIL import Image

    smaller = max(before.shape[0] // after.shape[0], 1)
    before = np.asarray(Image.fromarray(before).reduce(smaller))
    height = min(before.shape[0], after.shape[0] // scale)
    width = min(before.shape[1], after.shape[1] // scale)
    return before[:height, :width], after[: height * scale, : width * scale]


def _busiest(one: Pixels, other: Pixels, side: int) -> tuple[slice, slice]:
    """Return the square of a grid in which two images (H, W, C) differ most."""
    found = (-1.0, slice(0, 0), slice(0, 0))
    for rows in _cells(one.shape[0], side):
        difference = one[rows].astype(np.float32) - other[rows]
        for columns in _cells(one.shape[1], side):
            error = float(np.square(difference[:, columns]).sum())
            found = max(found, (error, rows, columns), key=lambda cell: cell[0])
    return found[1], found[2]


def _cells(length: int, side: int) -> Iterator[slice]:
    """Yield an axis in cells of one length, the last of which ends with it."""
    for end in range(min(side, length), length + side, side):
        yield slice(max(min(end, length) - side, 0), min(end, length))
