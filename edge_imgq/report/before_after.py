"""Self-contained HTML page that shows photographs before and after enhancement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.files import in_colour
from edge_imgq.images.resize import resize
from edge_imgq.report.check_page import data_uri, html_template

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

SIDE = 512
"""Side of the shown crop in result pixels."""

MAX_BYTES = 12_000_000
"""Maximum bytes of all pictures; the rest is left out, and the page says how many."""


@dataclass(frozen=True)
class BeforeAfter:
    """One photograph on the page: data URIs of both crops, and their position in the result.

    Attributes:
        name: Name of the photograph.
        before, after: Data URIs of the crops, which have one size.
        left, top, width, height: Crop in the result, in pixels.
        whole_width, whole_height: Size of the result, in pixels.
    """

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
        """Length of both data URIs, which is what they add to a page, in characters."""
        return len(self.before) + len(self.after)


def before_after_page(title: str, photos: Iterable[tuple[str, Pixels, Pixels]]) -> str:
    """Return an HTML page of photographs before and after enhancement, which loads nothing.

    Each photograph is shown as the crop of at most 512×512 pixels of the result with the largest
    squared error, scaled to the result's size. Those beyond 12 MB of pictures are left out, and the
    page says how many.

    Args:
        title: Page title.
        photos: Name, photograph and result, both uint8 (H, W, C) with one or three channels;
            iterated lazily.
    """
    pictures, size, left_out, enlarged = [], 0, 0, False
    for name, before, after in photos:
        if size > MAX_BYTES:
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

    if not _is_whole(before.shape[0], after.shape[0]):
        before = resize(before, (after.shape[0], after.shape[1]))
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
    """Return the integer scale of a result, rounded up if its last row is missing."""
    height, enlarged = int(before.shape[0]), int(after.shape[0])
    return -(-enlarged // height)


def _is_whole(before: int, after: int) -> bool:
    """Return True if one length is a whole multiple of the other, a last row perhaps left out."""
    smaller, larger = sorted((before, after))
    rest, last = larger % smaller, -(-larger // smaller)
    return min(rest, smaller - rest) <= last


def _alike(before: Pixels, after: Pixels, scale: int) -> tuple[Pixels, Pixels]:
    """Crop both images to matching sizes.

    Results can lack a row or column, since raw mosaics have even sides. If the result is smaller
    than the photograph, the photograph is reduced by the integer factor.
    """
    from PIL import Image

    smaller = max(before.shape[0] // after.shape[0], 1)
    before = np.asarray(Image.fromarray(before).reduce(smaller))
    height = min(before.shape[0], after.shape[0] // scale)
    width = min(before.shape[1], after.shape[1] // scale)
    return before[:height, :width], after[: height * scale, : width * scale]


def _busiest(one: Pixels, other: Pixels, side: int) -> tuple[slice, slice]:
    """Return the grid cell of `side` pixels in which two images (H, W, C) differ most."""
    largest = (-1.0, slice(0, 0), slice(0, 0))
    for rows in _cells(one.shape[0], side):
        difference = one[rows].astype(np.float32) - other[rows]
        for columns in _cells(one.shape[1], side):
            error = float(np.square(difference[:, columns]).sum())
            largest = max(largest, (error, rows, columns), key=lambda cell: cell[0])
    return largest[1], largest[2]


def _cells(length: int, side: int) -> Iterator[slice]:
    """Yield slices of equal length that cover an axis; the last one ends with the axis."""
    for end in range(min(side, length), length + side, side):
        yield slice(max(min(end, length) - side, 0), min(end, length))
