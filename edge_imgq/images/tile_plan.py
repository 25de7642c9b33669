"""Where tiles lie: whole numbers alone, so that an app computes the same in any language.

An axis is cut into tiles of one length. Each reads more than it writes: what it writes lies at
least a halo away from each of its ends that is not the image's, and tiles share the lines between
two of them half and half. An image that is shorter than a tile, or no multiple of what the network
asks for, is continued by its mirror image at the end.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TileSpan:
    """What one tile reads and writes of an axis.

    Attributes:
        read: first line that it reads, in input pixels; it reads as many as a tile is long.
        crop: first line that is kept of what comes out of it, in output pixels.
        write: where in the output image this line goes.
        length: lines that are kept.
    """

    read: int
    crop: int
    write: int
    length: int


def spans(length: int, tile: int, halo: int, multiple: int, scale: int) -> tuple[TileSpan, ...]:
    """Return the tiles of an axis; what they write follows each other without gap or overlap.

    Args:
        length: of the axis of the image, in input pixels; any.
        tile: length of a tile, a multiple of `multiple`.
        halo: input pixels on each side of a place that its output needs.
        multiple: tiles start at multiples of this, so that strides keep their phase.
        scale: output length over input length.

    Raises:
        ValueError: as `starts`.
    """
    begins = starts(padded_length(length, tile, multiple), tile, halo, multiple)
    found, write = [], 0
    for start, following in zip(begins, (*begins[1:], None), strict=True):
        end = length * scale if following is None else _meeting(start, following, tile, scale)
        found.append(TileSpan(start, write - start * scale, write, end - write))
        write = end
    return tuple(found)


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


def padded_length(length: int, tile: int, multiple: int) -> int:
    """Return how long an axis is with what mirrors it: a tile at least, and a multiple."""
    return max(up(length, multiple), tile)


def mirrored(index: int, length: int) -> int:
    """Return which line of an axis stands at an index that may lie beyond its end.

    0 1 2 goes on as 1 0 1 2 1 …; of one line, it is that line.
    """
    if length == 1:
        return 0
    place = index % (2 * length - 2)
    return place if place < length else 2 * length - 2 - place


def balanced(length: int, largest: int, halo: int, multiple: int) -> int:
    """Return the tile length that covers an axis with the fewest tiles and the least overlap.

    Args:
        length: of the axis, a multiple of `multiple`.
        largest: longest tile wanted, more than 2 × halo.
        halo: see `spans`.
        multiple: see `spans`.
    """
    if length <= largest:
        return length
    count = -(-(length - 2 * halo) // (largest - 2 * halo))
    core = max(-(-(length - 2 * halo) // count), multiple)
    return min(length, up(core + 2 * halo, multiple))


def up(value: int, multiple: int) -> int:
    """Return the least multiple that is no less than a value."""
    return (value + multiple - 1) // multiple * multiple


def _meeting(start: int, following: int, tile: int, scale: int) -> int:
    """Return the output line where a tile ends and the one that follows begins to write."""
    overlap = start + tile - following
    return following * scale + overlap * scale // 2
