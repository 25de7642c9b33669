"""Generate test vectors of tile rectangles for many sizes, for an app's own tiling."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass

from edge_imgq.images.tile_plan import padded_length, spans, up

FILE = "vectors/tiles.json"

Size = tuple[int, int]


@dataclass(frozen=True)
class Cutting:
    """An image size and its tiling; see `edge_imgq.images.tile_plan`.

    Attributes:
        image: (height, width) of the image in input pixels.
        tile: (height, width) of a tile in input pixels.
        halo: input pixels on each side that an output depends on.
        multiple: multiple of input pixels at which tiles start.
        scale: output height over input height.
    """

    image: Size
    tile: Size
    halo: int
    multiple: int
    scale: int


GENERAL = tuple(
    Cutting(image, tile, halo, multiple, scale)
    for (tile, halo, multiple), image, scale in itertools.product(
        (((16, 20), 3, 1), ((24, 16), 4, 4), ((9, 11), 0, 1)),
        ((1, 1), (1, 50), (16, 20), (17, 21), (47, 33), (25, 101)),
        (1, 3),
    )
)
"""Cases of no particular network, at sizes that reveal errors by one pixel."""


def around(tile: Size, halo: int, multiple: int, scale: int) -> Iterator[Cutting]:
    """Yield image sizes around one tile and around several, each with its tiling.

    Args:
        tile: (height, width) of a tile in input pixels.
        halo: input pixels on each side that an output depends on.
        multiple: multiple of input pixels at which tiles start.
        scale: output height over input height.
    """
    tall, wide = tile
    step_down, step_right = (side - 2 * halo for side in tile)
    sizes = [
        (1, 1),
        (tall - 1, wide - 1),
        (tall, wide),
        (tall + 1, wide),
        (tall, wide + 1),
        (tall + 1, wide + 1),
        (up(tall + step_down, multiple), up(wide + step_right, multiple)),
        (tall + step_down + 1, 2 * wide + step_right - 1),
        (3 * tall + 1, 2 * wide + 3),
    ]
    for image in sizes:
        yield Cutting(image, tile, halo, multiple, scale)


def tile_vectors(cuttings: list[Cutting]) -> bytes:
    """Return tilings and their rectangles as JSON, UTF-8, one tiling per line.

    The given tilings come first, then those of GENERAL. Rectangles are [top, left, height, width]:
    the region of the image that a tile reads, in input pixels, and the region that it writes, in
    output pixels. `crop` is [top, left] within the tile's output. Regions beyond the image are
    filled by mirroring. All are exact integers.
    """
    lines = ",\n".join(json.dumps(_vector(cutting)) for cutting in (*cuttings, *GENERAL))
    return f"[\n{lines}\n]\n".encode()


def _vector(cutting: Cutting) -> dict[str, object]:
    rows, columns = (
        spans(cutting.image[a], cutting.tile[a], cutting.halo, cutting.multiple, cutting.scale)
        for a in (0, 1)
    )
    pairs = list(itertools.product(rows, columns))
    return {
        "image": cutting.image,
        "tile": cutting.tile,
        "halo": cutting.halo,
        "multiple": cutting.multiple,
        "scale": cutting.scale,
        "padded": [
            padded_length(cutting.image[a], cutting.tile[a], cutting.multiple) for a in (0, 1)
        ],
        "read": [[row.read, column.read, *cutting.tile] for row, column in pairs],
        "crop": [[row.crop, column.crop] for row, column in pairs],
        "write": [[row.write, column.write, row.length, column.length] for row, column in pairs],
    }
