"""Run networks on photographs, from files to files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import output_errors
from edge_imgq.errors import ImageError, UsageError
from edge_imgq.images.files import OPAQUE, image_size, is_grayscale, joined, read_image
from edge_imgq.images.photograph import (
    read_photograph,
    with_opacity,
    write_deep_photograph,
    write_photograph,
)
from edge_imgq.images.port_results import returns_rgba
from edge_imgq.pipeline.enhance.enhance_image import enhance_image, enhance_to_image
from edge_imgq.pipeline.enhance.enhancer import Enhancer, open_enhancer, refuse_unused_range
from edge_imgq.pipeline.enhance.lost_depth import keeps_depth, lost_depths
from edge_imgq.pipeline.enhance.memory_limit import limits
from edge_imgq.pipeline.enhance.on_device import on_device
from edge_imgq.pipeline.enhance.port_settings import Settings
from edge_imgq.pipeline.enhance.worker_pool import done_at_once
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.report.drawing import byte_count
from edge_imgq.runtime.resident_memory import resident_bytes

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    from edge_imgq.contract import PixelRange
    from edge_imgq.pipeline.open_model.source import Source
    from edge_imgq.ports import Port

    Pixels: TypeAlias = NDArray[np.uint8]

Job = tuple[Path, Path]
"""Path of a photograph and path of its result."""


@dataclass(frozen=True)
class EnhanceRequest:
    """Arguments of `enhance`.

    Attributes:
        jobs: photographs, each with the path of its result.
        models: files, names of the zoo or opened models, run one after the other.
        threads: processor threads.
        pixels: pixel range of .onnx files that do not state it; None for 0 to 1.
        workers: photographs processed at once; 0 for one, or as many as `memory` allows.
        memory: approximate limit on the process's memory in bytes; 0 for none.
        settings: values of further inputs.
        device: device that runs the files, one photograph at a time; "" for this host.
    """

    jobs: tuple[Job, ...]
    models: tuple[str | Source, ...]
    threads: int
    pixels: PixelRange | None = None
    workers: int = 0
    memory: int = 0
    settings: Settings = field(default_factory=dict)
    device: str = ""


@dataclass(frozen=True)
class Enhanced:
    """A written image.

    Attributes:
        source: path of the photograph.
        path: path of the result.
        size: (height, width) of the result.
        models: networks that ran, in order; empty if the photograph was left unchanged.
    """

    source: str
    path: str
    size: tuple[int, int]
    models: tuple[str, ...]


@dataclass(frozen=True)
class BatchResult:
    """Results of all photographs.

    Attributes:
        written: written results.
        failed: one sentence per photograph that is not an image, damaged, too small or too large.
        hints: sentences on models whose pixel range may differ from the assumed one, on settings
            that a file rounds noticeably, and on photographs reduced from 16 to 8 bits per channel.
        kept: results of an earlier run that were kept.
    """

    written: tuple[Enhanced, ...]
    failed: tuple[str, ...]
    hints: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def enhance(request: EnhanceRequest, watch: Watch) -> BatchResult:
    """Enhance every photograph and write the results, each atomically.

    Files that are not images, truncated, smaller than the receptive field or too large for the
    memory limit are left out and reported; the others are processed. `watch` is called before each
    step.

    Raises:
        UsageError: several workers are requested for a device or a recurrent network, a network
            returns RGBA and a result is to be a JPEG or BMP, an input has no value, or a pixel
            range is given and every network states its own.
        ImageError: none of the files is an image.
        ModelError: a model cannot be opened, or returns no image.
        OutputError: a result cannot be written.
        RuntimeUnavailableError: the device or the runtime of a file is not available.
        DeviceError: the device does not run a file.
    """
    if request.device and request.workers > 1:
        raise UsageError("A device runs one photograph at a time: leave out --workers.")
    jobs, failed = _readable(request.jobs)
    opened = _opened(request, request.threads, watch)
    refuse_unused_range(opened, request.pixels)
    _refuse_opaque(jobs, opened[-1])
    if request.workers > 1 and _is_recurrent(opened):
        raise UsageError(
            "A network that hands something from frame to frame takes one after the other: leave "
            "out --workers."
        )
    with on_device(opened, request.device, request.threads) as enhancers:
        return _all_enhanced(request, jobs, failed, enhancers, watch)


def _refuse_opaque(jobs: Sequence[Job], enhancer: Enhancer) -> None:
    """Raise if a network returns opacity and a result's format has none.

    Raises:
        UsageError: a result would be a JPEG or BMP.
    """
    opaque = [result for _, result in jobs if result.suffix.lower() in OPAQUE]
    if returns_rgba(enhancer.contract) and opaque:
        raise UsageError(
            f"{enhancer.name} returns RGBA, and {opaque[0]} could not hold its opacity: JPEG and "
            "BMP have none. Write PNG, WebP or TIFF: --format png."
        )


def _all_enhanced(
    request: EnhanceRequest,
    jobs: list[Job],
    failed: list[str],
    enhancers: Sequence[Enhancer],
    watch: Watch,
) -> BatchResult:
    """Enhance the readable photographs with opened networks."""
    jobs, workers, tile, too_large = _within(request, jobs, enhancers)
    workers = 1 if _is_recurrent(enhancers) else workers
    threads = max(request.threads // workers, 1)
    sets = [enhancers] if workers == 1 else []
    while len(sets) < workers:
        sets.append(_opened(request, threads, watch))
    sets = [[replace(enhancer, largest_tile=tile) for enhancer in one] for one in sets]
    results = list(done_at_once(jobs, sets, _enhanced, watch))
    written = tuple(result for result in results if isinstance(result, Enhanced))
    failed += [*too_large, *(result for result in results if isinstance(result, str))]
    jobs = [(Path(image.source), Path(image.path)) for image in written]
    hints = _hints([photo for photo, _ in jobs], enhancers, request.threads)
    rounded = (sentence for enhancer in enhancers for sentence in enhancer.rounded)
    return BatchResult(written, tuple(failed), (*hints, *rounded, *lost_depths(jobs, enhancers)))


def _is_recurrent(enhancers: Sequence[Enhancer]) -> bool:
    return any(enhancer.contract.is_recurrent for enhancer in enhancers)


def _opened(request: EnhanceRequest, threads: int, watch: Watch) -> list[Enhancer]:
    enhancers = []
    for index, model in enumerate(request.models):
        name = model if isinstance(model, str) else model.name
        watch(ProgressStep(f"open {name}", index, len(request.models)))
        enhancers.append(open_enhancer(model, threads, request.pixels, request.settings))
    return enhancers


def _enhanced(job: Job, enhancers: Sequence[Enhancer], watch: Watch) -> Enhanced | str:
    """Enhance one photograph; return a sentence if that fails."""
    photo, result = job
    try:
        if keeps_depth(photo, result, enhancers):
            return _enhanced_deep(job, enhancers, watch)
        before = read_photograph(photo)
        pixels = with_opacity(before) if enhancers[0].contract.layout == "rgba" else before.pixels
        images: dict[Path, PillowImage.Image] = {}

        def beside(port: Port, pixels: Pixels) -> None:
            path = result.with_stem(f"{result.stem}.{port.name}")
            images[path] = joined((pixels.shape[0], pixels.shape[1]), iter([pixels]))

        images[result] = enhance_to_image(pixels, str(photo), enhancers, watch, beside)
    except ImageError as error:
        return str(error)
    with output_errors(result):
        result.parent.mkdir(parents=True, exist_ok=True)
    for path, image in images.items():
        write_photograph(path, image, before)
    names = tuple(enhancer.name for enhancer in enhancers)
    size = (images[result].height, images[result].width)
    return Enhanced(str(photo), str(result), size, names)


def _enhanced_deep(job: Job, enhancers: Sequence[Enhancer], watch: Watch) -> Enhanced:
    """Enhance one photograph with 16 bits per channel.

    Raises:
        ImageError: it is damaged, or smaller than the receptive field.
    """
    photo, result = job
    before = read_photograph(photo, deep=True)
    pixels = enhance_image(before.pixels, str(photo), enhancers, watch)
    with output_errors(result):
        result.parent.mkdir(parents=True, exist_ok=True)
    write_deep_photograph(result, pixels, before)
    names = tuple(enhancer.name for enhancer in enhancers)
    return Enhanced(str(photo), str(result), (pixels.shape[0], pixels.shape[1]), names)


def _within(
    request: EnhanceRequest, jobs: list[Job], enhancers: Sequence[Enhancer]
) -> tuple[list[Job], int, int, list[str]]:
    """Return the jobs, the number of workers and the tile side that the memory limit allows.

    The last element has one sentence per photograph that exceeds the limit.
    """
    if not request.memory:
        return jobs, max(min(request.workers or 1, len(jobs)), 1), 0, []
    sizes = {job: image_size(job[0]) for job in jobs}
    most = 1 if request.device else min(request.workers or request.threads, len(jobs))
    limited = limits(list(sizes.values()), enhancers, resident_bytes(), request.memory, most)
    sentences = [
        f"{photo}: its {size[0]}x{size[1]} pixels (height x width) need about "
        f"{byte_count(limited.left_out[size])}, and --memory allows {byte_count(request.memory)}."
        for (photo, _), size in sizes.items()
        if size in limited.left_out
    ]
    kept = [job for job, size in sizes.items() if size not in limited.left_out]
    return kept, limited.workers, limited.tile, sentences


def _readable(jobs: Sequence[Job]) -> tuple[list[Job], list[str]]:
    """Return the jobs whose photographs have a valid image header, and a sentence for each other.

    Raises:
        ImageError: no photograph has one; this is raised before any model is opened.
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


def _hints(photos: Sequence[Path], enhancers: Sequence[Enhancer], threads: int) -> tuple[str, ...]:
    """Return hints on models whose pixel range was not stated."""
    from edge_imgq.pipeline.open_model.range_hint import range_hint

    unsure = [enhancer.unsure for enhancer in enhancers if enhancer.unsure]
    hints = (
        range_hint(model, (read_image(photo, model.contract.colour) for photo in photos), threads)
        for model in unsure
    )
    return tuple(hint for hint in hints if hint)
