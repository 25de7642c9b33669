"""Running an image in tiles that overlap, so that memory is bounded and no seam shows.

Every output pixel is taken from a tile that holds all input pixels which it depends on, as long as
the halo is at least the receptive field's radius. Tiles at the image's border end there, so that
the network pads them as it pads the whole image. All tiles have one size: runtimes allocate once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]
    Run: TypeAlias = Callable[[Pixels], Pixels]


@dataclass(frozen=True)
class Tiling:
    """How an image is cut.

    Attributes:
        tile: height and width of a tile in input pixels, multiples of `multiple`.
        halo: input pixels around a place that its output needs; a tile is more than twice as large.
        multiple: tiles start and end at multiples of this, so that strides keep their phase.
        blend: fade from one tile to the next over their overlap, for a halo that is a guess;
            otherwise they meet in the middle of it.
    """

    tile: tuple[int, int]
    halo: int
    multiple: int = 1
    blend: bool = False


def balanced(length: int, largest: int, halo: int, multiple: int) -> int:
    """Return the tile length that covers an axis with the fewest tiles and the least overlap.

    Args:
        length: of the axis, a multiple of `multiple`.
        largest: longest tile wanted, more than 2 × halo.
        halo: see `Tiling`.
        multiple: see `Tiling`.
    """
    if length <= largest:
        return length
    count = -(-(length - 2 * halo) // (largest - 2 * halo))
    core = max(-(-(length - 2 * halo) // count), multiple)
    return min(length, _up(core + 2 * halo, multiple))


def starts(length: int, tile: int, halo: int, multiple: int) -> tuple[int, ...]:
    """Return where the tiles of an axis start; the last one ends with the axis.

    Raises:
        ValueError: the tile is longer than the axis, not longer than two halos, or one of them is
            no multiple.
    """
    step = (tile - 2 * halo) // multiple * multiple
    if tile > length or length % multiple or tile % multiple:
        raise ValueError(f"tiles of {tile} do not fit an axis of {length} in steps of {multiple}")
    if tile == length:
        return (0,)
    if step <= 0:
        raise ValueError(f"a tile of {tile} leaves nothing between two halos of {halo}")
    return (*range(0, length - tile, step), length - tile)


def tile_count(size: tuple[int, int], tiling: Tiling) -> int:
    """Return how many tiles an image of a size is cut into."""
    rows, columns = (
        starts(size[axis], tiling.tile[axis], tiling.halo, tiling.multiple) for axis in (0, 1)
    )
    return len(rows) * len(columns)


def run_tiled(
    pixels: Pixels, run: Run, scale: int, tiling: Tiling, watch: Callable[[int], None]
) -> Pixels:
    """Return what `run` makes of the whole image, computed tile by tile.

    Args:
        pixels: uint8 (H, W, C), at least a tile large, H and W multiples of `tiling.multiple`.
        run: maps (h, w, C) to (scale × h, scale × w, C').
        scale: output height over input height.
        tiling: how to cut.
        watch: told how many tiles are done, before each.
    """
    height, width = pixels.shape[:2]
    (tall, wide), halo, multiple = tiling.tile, tiling.halo, tiling.multiple
    columns = starts(width, wide, halo, multiple)
    output = np.empty((0, 0, 0), np.uint8)
    for row, top in enumerate(rows := starts(height, tall, halo, multiple)):
        band = np.empty((0, 0, 0), np.uint8)
        for column, left in enumerate(columns):
            watch(row * len(columns) + column)
            piece = run(pixels[top : top + tall, left : left + wide])
            if not column:
                band = np.empty((tall * scale, width * scale, piece.shape[2]), np.uint8)
            overlap = wide - (left - columns[column - 1]) if column else 0
            _paste(band, piece, 1, left * scale, overlap * scale, tiling.blend)
        if not row:
            output = np.empty((height * scale, width * scale, band.shape[2]), np.uint8)
        overlap = tall - (top - rows[row - 1]) if row else 0
        _paste(output, band, 0, top * scale, overlap * scale, tiling.blend)
    return output


def pad_to(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Extend an image at the bottom and on the right by reflection."""
    missing = [(0, size[axis] - pixels.shape[axis]) for axis in (0, 1)]
    return np.pad(pixels, (*missing, (0, 0)), mode="reflect")


def _paste(onto: Pixels, piece: Pixels, axis: int, start: int, overlap: int, blend: bool) -> None:
    """Write a piece at `start` along an axis; its first `overlap` lines meet what is there."""
    onto, piece = onto.swapaxes(0, axis), piece.swapaxes(0, axis)
    keep = overlap if blend else overlap // 2
    if blend and overlap:
        there = onto[start : start + overlap]
        weight = ((np.arange(overlap) + 0.5) / overlap).astype(np.float32)[:, None, None]
        there[...] = np.rint(there * (1 - weight) + piece[:overlap] * weight).astype(np.uint8)
    onto[start + keep : start + piece.shape[0]] = piece[keep:]


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
