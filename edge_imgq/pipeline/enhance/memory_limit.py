"""Choose tile size and number of workers within a memory limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.errors import ImageError, ModelError
from edge_imgq.formats import format_of
from edge_imgq.pipeline.enhance.plan_tiles import MAX_TILE, least_tile, plan_tiles
from edge_imgq.scale import scaled
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.pipeline.enhance.enhancer import Enhancer
    from edge_imgq.runtime.memory import ActivationMemory

    Size = tuple[int, int]

TRIED_SIDE = 256
"""Height and width of the image for which activation memory per pixel is counted."""

WORKSPACE = 2.0
"""Ratio of a runtime's memory to the live activations, for copies in its own layout, im2col buffers
and freed blocks that it keeps."""

UNKNOWN = 1024.0
"""Bytes per pixel of a tile if the model's graph cannot be read."""


@dataclass(frozen=True)
class Limits:
    """Limits of a run.

    Attributes:
        workers: photographs processed at once.
        tile: largest tile side in input pixels, for networks of any size; 0 for the default.
        left_out: sizes of photographs that exceed the limit, with the bytes that they need.
    """

    workers: int
    tile: int
    left_out: dict[Size, int]


def limits(
    sizes: Sequence[Size], enhancers: Sequence[Enhancer], held: int, memory: int, max_workers: int
) -> Limits:
    """Return the largest tiles, then the most workers, that keep within a memory limit.

    Args:
        sizes: (height, width) of all photographs.
        enhancers: opened networks, which run one after the other.
        held: bytes that the process holds already.
        memory: limit in bytes.
        max_workers: largest number of workers.

    Returns:
        At least one worker. Sizes that exceed the limit even so are named with the bytes they need.
    """
    smallest_tile = max(least_tile(enhancer) for enhancer in enhancers)
    networks = [(enhancer, activation_bytes(enhancer)) for enhancer in enhancers]
    tiles = [side for side in (MAX_TILE, 384, 256, 192) if side > smallest_tile] + [smallest_tile]
    needs = {size: [held + _needed(size, networks, tile) for tile in tiles] for size in sizes}
    left_out = {size: needed[-1] for size, needed in needs.items() if needed[-1] > memory}
    fitting = [needed for size, needed in needs.items() if size not in left_out]
    if not fitting:
        return Limits(1, tiles[-1], left_out)
    tile_index = next(i for i in range(len(tiles)) if max(need[i] for need in fitting) <= memory)
    each = max(need[tile_index] for need in fitting) - held
    return Limits(max(min(max_workers, (memory - held) // each), 1), tiles[tile_index], left_out)


def _needed(size: Size, networks: Sequence[tuple[Enhancer, float]], tile: int) -> int:
    """Return approximately how many bytes a photograph needs, over all networks."""
    pixels = size[0] * size[1]
    max_workers = 10 * pixels  # it is decoded into Pillow's four bytes a pixel, and copied as three
    for enhancer, activations in networks:
        scale = enhancer.contract.scale
        result = int(pixels * scale**2)
        # A network on luma has colours put back band by band, one that makes them holds two planes
        # more; another holds its result twice.
        lean = enhancer.contract.colour == "y" and not enhancer.contract.adds_colours
        max_workers = max(max_workers, 4 * pixels + (5 if lean else 7) * result)
        running = WORKSPACE * activations * _tile_pixels(size, enhancer, tile)
        max_workers = max(max_workers, 4 * pixels + 3 * result + round(running))
        size, pixels = (scaled(size[0], scale), scaled(size[1], scale)), result
    return max_workers


def _tile_pixels(size: Size, enhancer: Enhancer, tile: int) -> int:
    """Return the pixels of a tile; 0 for a photograph that will be refused as too small."""
    try:
        height, width = plan_tiles(size, replace(enhancer, largest_tile=tile)).tile
    except ImageError:
        return 0
    return height * width


def activation_bytes(enhancer: Enhancer) -> float:
    """Return the peak bytes of live activations per input pixel.

    Measured at 256 × 256 pixels; 1024 if neither file nor graph tells it.
    """
    from edge_imgq.export.onnx_format import plan_of
    from edge_imgq.runtime.memory import known_memory, peak

    path = Path(enhancer.name)
    if path.exists() and format_of(path) is not None:
        memory = known_memory(path, (TRIED_SIDE, TRIED_SIDE))
        if not isinstance(memory, Skipped):
            return _each_pixel(memory)
    if enhancer.graph is None:
        return UNKNOWN
    try:
        return _each_pixel(peak(plan_of(enhancer.graph, (TRIED_SIDE, TRIED_SIDE), enhancer.name)))
    except ModelError:
        return UNKNOWN


def _each_pixel(memory: ActivationMemory) -> float:
    return memory.arena / (memory.size[0] * memory.size[1])
