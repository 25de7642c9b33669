"""Plan the tiles of a photograph for a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_imgq.errors import ImageError
from edge_imgq.images.tile_plan import balanced, up
from edge_imgq.images.tiles import Tiling, fixed_tiling, tile_count

if TYPE_CHECKING:
    from edge_imgq.pipeline.enhance.enhancer import Enhancer

MAX_TILE = 512
"""Largest tile side in input pixels for networks of any size; it keeps an ordinary network below
some hundred megabytes."""

MIN_CORE = 128
"""Least number of pixels between the halos of a tile; fewer would double the work."""


def plan_tiles(size: tuple[int, int], enhancer: Enhancer) -> Tiling:
    """Return the tiling of an image of (height, width) pixels.

    The largest tile is that of the enhancer, else 512 pixels a side, or the least tile where that
    is larger. An image that fits it, and every image of a network that cannot be tiled, is one
    tile. A file of fixed sizes is tiled with the one that computes the fewest pixels.

    Raises:
        ImageError: the network cannot run in tiles, and its file takes only smaller images.
    """
    multiple = enhancer.contract.multiple
    if enhancer.fixed_sizes:
        return _fewest_pixels(size, enhancer)
    whole = enhancer.contract.fitting(size)
    if enhancer.radius is None:
        return Tiling(whole, 0, multiple)
    halo, common = enhancer.radius, math.lcm(multiple, enhancer.period)
    largest = max(enhancer.largest_tile or MAX_TILE, least_tile(enhancer))
    if max(whole) <= largest:
        return Tiling(whole, 0, multiple)
    height, width = (balanced(up(side, common), largest, halo, common) for side in size)
    return Tiling((height, width), halo, common, blend=not enhancer.exact)


def least_tile(enhancer: Enhancer) -> int:
    """Return the smallest side, in input pixels, of tiles that are worth computing.

    It is twice the receptive field's radius (0 if unknown) plus a core of 128 pixels, or of the
    least common multiple of the network's multiple and period where that is larger. Only for
    networks that take any size: the tiles of other files have the files' sizes.
    """
    common = math.lcm(enhancer.contract.multiple, enhancer.period)
    return 2 * (enhancer.radius or 0) + max(MIN_CORE, common)


def _fewest_pixels(size: tuple[int, int], enhancer: Enhancer) -> Tiling:
    """Return the tiling with the fewest computed pixels among a file's fixed sizes.

    Raises:
        ImageError: the network cannot run in tiles, and no size of the file holds the image.
    """
    sizes: Sequence[tuple[int, int]] = enhancer.fixed_sizes
    padded = enhancer.contract.fitting(size)
    if enhancer.radius is None:
        sizes = [fixed for fixed in sizes if fixed[0] >= padded[0] and fixed[1] >= padded[1]]
        if not sizes:
            raise ImageError(_too_large(size, padded, enhancer))
    multiple, period = enhancer.contract.multiple, enhancer.period
    tilings = [
        fixed_tiling(fixed, enhancer.radius, multiple, period, exact=enhancer.exact)
        for fixed in sizes
    ]
    return min(tilings, key=lambda tiling: tile_count(size, tiling) * math.prod(tiling.tile))


def _too_large(size: tuple[int, int], padded: tuple[int, int], enhancer: Enhancer) -> str:
    takes = " or ".join(f"{height}x{width}" for height, width in enhancer.fixed_sizes)
    remedy = f"Export it with --size {padded[0]}x{padded[1]}."
    if enhancer.name.lower().endswith(".onnx"):
        remedy = "Export it to ONNX again with open height and width."
    return (
        f"the image is {size[0]}x{size[1]} (height x width), and {enhancer.name} cannot be cut "
        f"into tiles: {enhancer.reason}. Its file takes {takes}. {remedy}"
    )


def refuse_small(size: tuple[int, int], enhancer: Enhancer) -> None:
    """Raise for an image smaller than the receptive field.

    Nothing is raised where the radius is unknown or not exact, or the image has the size of the
    file.

    Raises:
        ImageError: a side is smaller than 2 × radius + 1 pixels.
    """
    if enhancer.radius is None or not enhancer.exact or size in enhancer.fixed_sizes:
        return
    least = 2 * enhancer.radius + 1
    if min(size) < least:
        raise ImageError(
            f"the image is {size[0]}x{size[1]} (height x width), and {enhancer.name} looks at "
            f"{least}x{least} pixels around each place (its receptive field). Give a larger image."
        )
