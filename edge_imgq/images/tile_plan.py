"""Tile positions in integer arithmetic, so that an app computes the same in any language.

An axis is divided into tiles of one length. Each reads more than it writes: its output is at least
a halo away from each end that is not an end of the image, and adjacent tiles meet in the middle of
their overlap. An image that is shorter than a tile, or not a multiple of the network's multiple, is
extended by reflection at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.scale import Scale, scaled


@dataclass(frozen=True)
class TileSpan:
    """The lines that one tile reads and writes along an axis.

    Attributes:
        read: first line read, in input pixels; the number read is the tile's length.
        crop: first line kept of the tile's output, in output pixels of the tile.
        write: position of this line in the output image.
        length: number of lines kept.
    """

    read: int
    crop: int
    write: int
    length: int


def spans(length: int, tile: int, halo: int, multiple: int, scale: Scale) -> tuple[TileSpan, ...]:
    """Divide an axis into tiles whose outputs adjoin without gap or overlap.

    The spans come in order and write `scale` × `length` output pixels in all. Exact integers.

    Args:
        length: length of the axis in input pixels; any, extended to a multiple and to one tile.
        tile: length of a tile in input pixels, a multiple of `multiple`.
        halo: input pixels on each side of a position that its output depends on.
        multiple: tiles start at multiples of this, so that strides keep their phase; a multiple of
            the scale's denominator.
        scale: output length over input length.

    Raises:
        ValueError: the tile is not longer than two halos, or not a multiple of `multiple`.
    """
    begins = starts(padded_length(length, tile, multiple), tile, halo, multiple)
    tiles, write = [], 0
    for start, following in zip(begins, (*begins[1:], None), strict=True):
        end = (
            scaled(length, scale) if following is None else _meeting(start, following, tile, scale)
        )
        tiles.append(TileSpan(start, write - scaled(start, scale), write, end - write))
        write = end
    return tuple(tiles)


def starts(length: int, tile: int, halo: int, multiple: int) -> tuple[int, ...]:
    """Compute where the tiles of an axis start; the last one ends at the end of the axis.

    The result is in ascending order, from 0, in input pixels and multiples of `multiple`;
    neighbours overlap by at least 2 × halo.

    Args:
        length: length of the axis in input pixels, a multiple of `multiple`.
        tile: length of a tile in input pixels, a multiple of `multiple`.
        halo: input pixels on each side of a position that its output depends on.
        multiple: tiles start at multiples of this number of input pixels.

    Raises:
        ValueError: the tile is longer than the axis or not longer than two halos, or a length is
            not a multiple of `multiple`.
    """
    stride = (tile - 2 * halo) // multiple * multiple
    if tile > length or length % multiple or tile % multiple:
        raise ValueError(f"tiles of {tile} do not fit an axis of {length} in steps of {multiple}")
    if tile == length:
        return (0,)
    if stride <= 0:
        raise ValueError(f"a tile of {tile} leaves nothing between two halos of {halo}")
    return (*range(0, length - tile, stride), length - tile)


def padded_length(length: int, tile: int, multiple: int) -> int:
    """Return the length of an axis after extension: at least a tile, and a multiple of `multiple`.

    All are in input pixels; `tile` is itself a multiple of `multiple`.
    """
    return max(up(length, multiple), tile)


def mirrored(index: int, length: int) -> int:
    """Return the index of the line that reflection puts at an index beyond the end of an axis.

    0 1 2 continues as 1 0 1 2 1 …; the border line is not repeated. A single line is repeated. An
    index within the axis, 0 to `length` - 1, is returned unchanged.
    """
    if length == 1:
        return 0
    phase = index % (2 * length - 2)
    return phase if phase < length else 2 * length - 2 - phase


def balanced(length: int, largest: int, halo: int, multiple: int) -> int:
    """Choose the tile length that covers an axis with the fewest tiles and the least overlap.

    The result is the whole axis if that is not longer than `largest`. It is rounded up to a
    multiple, and may thereby exceed `largest`.

    Args:
        length: length of the axis in pixels, a multiple of `multiple`.
        largest: longest tile wanted, more than 2 × halo.
        halo: input pixels on each side of a position that its output depends on.
        multiple: multiple that starts and lengths of tiles must have.
    """
    if length <= largest:
        return length
    count = -(-(length - 2 * halo) // (largest - 2 * halo))
    core = max(-(-(length - 2 * halo) // count), multiple)
    return min(length, up(core + 2 * halo, multiple))


def up(value: int, multiple: int) -> int:
    """Round an integer up to the least multiple of `multiple` (at least 1) that is not below it."""
    return (value + multiple - 1) // multiple * multiple


def _meeting(start: int, following: int, tile: int, scale: Scale) -> int:
    """Return the output line where a tile ends and the following one begins to write."""
    overlap = start + tile - following
    return scaled(following, scale) + scaled(overlap, scale) // 2
