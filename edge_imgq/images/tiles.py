"""Run a network on overlapping tiles of an image, with bounded memory and without seams.

Every output pixel is taken from a tile that contains all input pixels it depends on, if the halo is
at least the radius of the receptive field. Tiles at the image's border end there, so that the
network pads them as it would pad the whole image. All tiles have one size, so that runtimes
allocate only once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.tile_plan import mirrored, padded_length, spans, starts
from edge_imgq.scale import Scale, scaled

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]
    Run: TypeAlias = Callable[[Pixels], Pixels]


@dataclass(frozen=True)
class Tiling:
    """How an image is divided into tiles.

    Attributes:
        tile: height and width of a tile in input pixels, multiples of `multiple`.
        halo: input pixels around a position that its output depends on; a tile is more than twice
            as large.
        multiple: tiles start and end at multiples of this, so that strides keep their phase.
        blend: fade linearly over the overlap, for an uncertain halo; otherwise tiles meet in the
            middle of it.
    """

    tile: tuple[int, int]
    halo: int
    multiple: int = 1
    blend: bool = False


def fixed_tiling(
    tile: tuple[int, int], radius: int | None, multiple: int, period: int, *, exact: bool
) -> Tiling:
    """Choose the tiling for a file with a fixed input size; all lengths are in input pixels.

    Tiles are of that size, with the radius as halo, but at most about a quarter of the tile. They
    fade into each other (`blend`) where results would not be exact: the radius is uncertain or
    above that limit, or the size is no multiple of the period.

    Args:
        tile: height and width of the file's input.
        radius: radius of the receptive field; None, which counts as 0, if images are not tiled.
        multiple: multiple that the file requires.
        period: input pixels after which the network's computation repeats (its total stride).
        exact: whether the radius is known and pixels do not depend on the image's size.
    """
    common = math.lcm(multiple, period)
    aligned = not (tile[0] % common or tile[1] % common)
    multiple, halo = common if aligned else multiple, radius or 0
    widest = max(min(tile) - multiple, 0) // 4
    # If a tile is barely larger than the receptive field, blending hides the missing context.
    blend = not (exact and aligned) or halo > widest
    return Tiling(tile, min(halo, widest), multiple, blend)


def tile_count(size: tuple[int, int], tiling: Tiling) -> int:
    """Count the tiles that `run_tiled` runs for an image, exactly.

    `size` is the (height, width) of the image in input pixels, `tiling` its division into tiles.

    Raises:
        ValueError: the tiling is invalid: its tile is not longer than two halos, or no multiple.
    """
    return math.prod(len(_starts(size[axis], axis, tiling)) for axis in (0, 1))


def run_tiled(
    pixels: Pixels, run: Run, scale: Scale, tiling: Tiling, watch: Callable[[int], None]
) -> Pixels:
    """Run a network on an image tile by tile; return the output (scale × H, scale × W, C').

    Equal to a run on the whole image if the tiling does not blend, its halo is at least the radius
    of the receptive field, and `multiple` keeps the phase of all strides. Blended values are
    rounded half to even. An image that is smaller than a tile, or whose sides are not multiples, is
    extended at the bottom and right by reflection without repeating the border.

    Args:
        pixels: uint8 or uint16 (H, W, C).
        run: maps a tile (h, w, C), always of the tiling's size, to (scale × h, scale × w, C') of
            the same dtype.
        scale: output height over input height.
        tiling: division into tiles.
        watch: called before each tile with the number of tiles done.

    Raises:
        ValueError: the tiling is invalid, as in `edge_imgq.images.tile_plan.starts`.
    """
    if tiling.blend:
        return _faded(pixels, run, scale, tiling, watch)
    (height, width), tile = pixels.shape[:2], tiling.tile
    rows = spans(height, tile[0], tiling.halo, tiling.multiple, scale)
    columns = spans(width, tile[1], tiling.halo, tiling.multiple, scale)
    output = np.empty((0, 0, 0), np.uint8)
    for done, (row, column) in enumerate(itertools.product(rows, columns)):
        watch(done)
        piece = run(_tile_of(pixels, row.read, column.read, tile))
        if not done:
            output = np.empty(
                (scaled(height, scale), scaled(width, scale), piece.shape[2]), piece.dtype
            )
        kept = piece[row.crop : row.crop + row.length, column.crop : column.crop + column.length]
        output[row.write : row.write + row.length, column.write : column.write + column.length] = (
            kept
        )
    return output


def pad_to(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Extend an image at the bottom and right by reflection without repeating the border.

    Args:
        pixels: (H, W, C) of any dtype.
        size: (height, width) of the result; a smaller one crops. An image may be reflected several
            times.

    Returns:
        (height, width, C) of the same dtype; a view if nothing is added.
    """
    return _tile_of(pixels, 0, 0, size)


def _tile_of(pixels: Pixels, top: int, left: int, size: tuple[int, int]) -> Pixels:
    """Return a tile of an image, extended by reflection beyond its bottom and right borders."""
    (height, width), bottom, right = pixels.shape[:2], top + size[0], left + size[1]
    if bottom <= height and right <= width:
        return pixels[top:bottom, left:right]
    rows = [mirrored(index, height) for index in range(top, bottom)]
    columns = [mirrored(index, width) for index in range(left, right)]
    return pixels[np.ix_(rows, columns)]


def _faded(
    pixels: Pixels, run: Run, scale: Scale, tiling: Tiling, watch: Callable[[int], None]
) -> Pixels:
    """Run an image in tiles that fade linearly into each other over their overlaps."""
    tall, wide = tiling.tile
    rows, columns = (_starts(pixels.shape[axis], axis, tiling) for axis in (0, 1))
    output = np.empty((0, 0, 0), np.uint8)
    for row, top in enumerate(rows):
        band = np.empty((0, 0, 0), np.uint8)
        for column, left in enumerate(columns):
            watch(row * len(columns) + column)
            piece = run(_tile_of(pixels, top, left, tiling.tile))
            if not column:
                length = scaled(columns[-1] + wide, scale)
                band = np.empty((scaled(tall, scale), length, piece.shape[2]), piece.dtype)
            overlap = wide - (left - columns[column - 1]) if column else 0
            _fade(band, piece, 1, scaled(left, scale), scaled(overlap, scale))
        if not row:
            output = np.empty((scaled(rows[-1] + tall, scale), *band.shape[1:]), band.dtype)
        overlap = tall - (top - rows[row - 1]) if row else 0
        _fade(output, band, 0, scaled(top, scale), scaled(overlap, scale))
    return output[: scaled(pixels.shape[0], scale), : scaled(pixels.shape[1], scale)]


def _fade(onto: Pixels, piece: Pixels, axis: int, start: int, overlap: int) -> None:
    """Write a piece at `start` along an axis; its first `overlap` lines fade in linearly."""
    onto, piece = onto.swapaxes(0, axis), piece.swapaxes(0, axis)
    if overlap:
        there = onto[start : start + overlap]
        weight = ((np.arange(overlap) + 0.5) / overlap).astype(np.float32)[:, None, None]
        there[...] = np.rint(there * (1 - weight) + piece[:overlap] * weight).astype(piece.dtype)
    onto[start + overlap : start + piece.shape[0]] = piece[overlap:]


def _starts(length: int, axis: int, tiling: Tiling) -> tuple[int, ...]:
    tile, multiple = tiling.tile[axis], tiling.multiple
    return starts(padded_length(length, tile, multiple), tile, tiling.halo, multiple)
