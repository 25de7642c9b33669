"""Running networks on photographs of any size, in colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.artifact import output_errors
from edge_imgq.errors import ImageError
from edge_imgq.images.chroma import luma_of, recoloured
from edge_imgq.images.files import is_grayscale, read_image
from edge_imgq.images.photograph import read_photograph, write_photograph
from edge_imgq.images.tile_plan import balanced, up
from edge_imgq.images.tiles import Tiling, fixed_tiling, run_tiled, tile_count
from edge_imgq.pipeline.enhance.enhancer import Enhancer, open_enhancer
from edge_imgq.pipeline.progress import Step, Watch

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.contract import PixelRange
    from edge_imgq.pipeline.open_model.source import Source

    Pixels: TypeAlias = NDArray[np.uint8]

Job = tuple[Path, Path]
"""A photograph, and the place of its result."""

LARGEST_TILE = 512
"""Side of a tile, in input pixels, for networks that take any size: a tile of an ordinary network
then stays below some hundred megabytes."""

LEAST_CORE = 128
"""A tile keeps at least this many pixels between its halos, or most work would be done twice."""


@dataclass(frozen=True)
class EnhanceRequest:
    """What to enhance.

    Attributes:
        jobs: photographs, each with the place of its result.
        models: files, names of the zoo or open models, run one after the other.
        threads: processor threads.
        pixels: inside .onnx files that do not say; None for 0 to 1.
    """

    jobs: tuple[Job, ...]
    models: tuple[str | Source, ...]
    threads: int
    pixels: PixelRange | None = None


@dataclass(frozen=True)
class Enhanced:
    """A written image.

    Attributes:
        source: the photograph.
        path: the result.
        size: its height and width.
    """

    source: str
    path: str
    size: tuple[int, int]


@dataclass(frozen=True)
class Batch:
    """What became of all photographs.

    Attributes:
        written: the results.
        failed: a sentence for each photograph that is no image, damaged or too small.
        hints: a sentence for each model whose pixels may be others than it was taken to want.
        there: results of an earlier run, which were left as they are.
    """

    written: tuple[Enhanced, ...]
    failed: tuple[str, ...]
    hints: tuple[str, ...] = ()
    there: tuple[str, ...] = ()


def enhance(request: EnhanceRequest, watch: Watch) -> Batch:
    """Enhance every photograph and write it; each file appears whole or not at all.

    A photograph that is no image, cannot be read to its end or is smaller than the receptive field
    is left out and named; the others are done.

    Raises:
        ImageError: none of them is an image.
        ModelError: a model cannot be opened.
        OutputError: a result cannot be written.
    """
    jobs, failed = _readable(request.jobs)
    enhancers = []
    for index, model in enumerate(request.models):
        name = model if isinstance(model, str) else model.name
        watch(Step(f"open {name}", index, len(request.models)))
        enhancers.append(open_enhancer(model, request.threads, request.pixels))
    written = []
    for photo, result in jobs:
        try:
            before = read_photograph(photo)
            pixels = enhance_image(before.pixels, str(photo), enhancers, watch)
        except ImageError as error:
            failed.append(str(error))
            continue
        with output_errors(result):
            result.parent.mkdir(parents=True, exist_ok=True)
        write_photograph(result, pixels, before)
        written.append(Enhanced(str(photo), str(result), (pixels.shape[0], pixels.shape[1])))
    hints = _hints(Path(written[0].source), enhancers, request.threads) if written else ()
    return Batch(tuple(written), tuple(failed), hints)


def _readable(jobs: Sequence[Job]) -> tuple[list[Job], list[str]]:
    """Return the jobs whose photographs begin as images do, and a sentence for each other one.

    Raises:
        ImageError: there is none; so nothing is opened in vain.
    """
    readable, failed = [], []
    for job in jobs:
        try:
            is_grayscale(job[0])
        except ImageError as error:
            failed.append(str(error))
        else:
            readable.append(job)
    if not readable:
        raise ImageError("\n".join(failed))
    return readable, failed


def enhance_pixels(photo: Pixels, enhancer: Enhancer, watch: Callable[[int, int], None]) -> Pixels:
    """Run one network on one photograph.

    Args:
        photo: RGB (H, W, 3) or gray (H, W, 1).
        enhancer: the open network.
        watch: told tiles done and tiles in all, before each tile.

    Returns:
        (scale × H, scale × W, C). A network on luma keeps the colours of an RGB photograph.

    Raises:
        ImageError: the photograph is smaller than the receptive field.
    """
    gray = photo.shape[2] == 1
    if enhancer.contract.colour == "rgb":
        return _run(np.repeat(photo, 3, axis=2) if gray else photo, enhancer, watch)
    if gray:
        return _run(photo, enhancer, watch)
    return recoloured(photo, _run(luma_of(photo), enhancer, watch))


def _hints(photo: Path, enhancers: Sequence[Enhancer], threads: int) -> tuple[str, ...]:
    """Return what to tell about models that nobody said the pixels of."""
    from edge_imgq.pipeline.open_model.range_hint import range_hint

    unsure = [enhancer.unsure for enhancer in enhancers if enhancer.unsure]
    found = (range_hint(m, read_image(photo, m.contract.colour), threads) for m in unsure)
    return tuple(hint for hint in found if hint)


def enhance_image(pixels: Pixels, name: str, enhancers: Sequence[Enhancer], watch: Watch) -> Pixels:
    """Run networks on one photograph, one after the other.

    Args:
        pixels: RGB (H, W, 3) or gray (H, W, 1).
        name: of the photograph, for messages.
        enhancers: the open networks.
        watch: told of every tile.

    Raises:
        ImageError: the photograph is smaller than the receptive field.
    """
    for enhancer in enhancers:

        def step(done: int, total: int, network: str = enhancer.name) -> None:
            watch(Step(f"enhance {Path(name).name}: tiles by {network}", done, total))

        try:
            pixels = enhance_pixels(pixels, enhancer, step)
        except ImageError as error:
            raise ImageError(f"{name}: {error}") from error
    return pixels


def _run(pixels: Pixels, enhancer: Enhancer, watch: Callable[[int, int], None]) -> Pixels:
    size = pixels.shape[0], pixels.shape[1]
    _refuse_small(size, enhancer)
    tiling = plan_tiles(size, enhancer)
    total, scale = tile_count(size, tiling), enhancer.contract.scale
    return run_tiled(pixels, enhancer.run, scale, tiling, lambda done: watch(done, total))


def plan_tiles(size: tuple[int, int], enhancer: Enhancer) -> Tiling:
    """Return how to cut an image.

    Raises:
        ImageError: the network cannot be cut, and its file takes smaller images.
    """
    multiple = enhancer.contract.multiple
    if enhancer.fixed_sizes:
        return _fewest_pixels(size, enhancer)
    whole = enhancer.contract.fitting(size)
    if enhancer.radius is None:
        return Tiling(whole, 0, multiple)
    halo, step = enhancer.radius, math.lcm(multiple, enhancer.period)
    largest = max(LARGEST_TILE, 2 * halo + max(LEAST_CORE, step))
    if max(whole) <= largest:
        return Tiling(whole, 0, multiple)
    height, width = (balanced(up(side, step), largest, halo, step) for side in size)
    return Tiling((height, width), halo, step, blend=not enhancer.exact)


def _fewest_pixels(size: tuple[int, int], enhancer: Enhancer) -> Tiling:
    """Return the tiles of the file's size that computes the fewest pixels.

    Raises:
        ImageError: the network cannot be cut, and no size of the file holds the image.
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


def _refuse_small(size: tuple[int, int], enhancer: Enhancer) -> None:
    if enhancer.radius is None or not enhancer.exact:
        return
    least = 2 * enhancer.radius + 1
    if min(size) < least:
        raise ImageError(
            f"the image is {size[0]}x{size[1]} (height x width), and {enhancer.name} looks at "
            f"{least}x{least} pixels around each place (its receptive field). Give a larger image."
        )
