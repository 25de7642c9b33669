"""`edge_imgq.enhance`: networks and files on photographs of any size."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from edge_imgq.api.arguments import (
    NOTHING_BOUND,
    NOTHING_SET,
    AnyPath,
    Bound,
    Inputs,
    Progress,
    Range,
    Settings,
    as_paths,
    as_ports,
    as_range,
    as_settings,
    unwatched,
)
from edge_imgq.api.model import ModelLike, named_or_open
from edge_imgq.devices.load import processors
from edge_imgq.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.contract import PixelRange
    from edge_imgq.pipeline.enhance.enhance import BatchResult
    from edge_imgq.pipeline.open_model.source import Source
    from edge_imgq.ports import PortRequests

Models: TypeAlias = "ModelLike | Sequence[ModelLike]"


def enhance(
    photo: AnyPath | NDArray[np.uint8],
    model: Models | None,
    *,
    pixel_range: Range | None = None,
    output_name: str | Sequence[str] = "",
    inputs: Inputs = (),
    bind: Bound = NOTHING_BOUND,
    states: Sequence[str] = (),
    settings: Settings = NOTHING_SET,
    threads: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.uint8]:
    """Run a network or a written file on one photograph, in tiles that meet without a seam.

    Args:
        photo: a path, or uint8 (H, W, 3) in RGB, (H, W, 1) or (H, W) in gray, of any size.
        model: a file that `export` wrote, or what `open` takes or returned; several run one after
            the other. A network that works on brightness alone keeps the photograph's colours.
            None for the network that `assess` advises, which may be none.
        pixel_range: as for `open`, of .onnx files that do not say.
        output_name: likewise.
        inputs: likewise.
        bind: likewise.
        states: likewise.
        settings: of inputs beside the photograph: numbers in the model's own unit, or the paths of
            pictures, by the input's name.
        threads: processor threads; None for as many as there are.
        progress: called before every tile.

    Returns:
        uint8 (H × scale, W × scale, C).

    Raises:
        ImageError: it is no image, damaged, or smaller than what the network sees at once.
        ModelError: a model cannot be opened.
    """
    from edge_imgq.images.files import as_image, is_grayscale, read_image
    from edge_imgq.pipeline.enhance.enhance_image import enhance_image
    from edge_imgq.pipeline.enhance.enhancer import open_enhancer, refuse_unused_range

    if isinstance(photo, (str, os.PathLike)):
        name, path = os.fspath(photo), Path(photo)
        pixels = read_image(path, "y" if is_grayscale(path) else "rgb")
    else:
        name, pixels = "the photograph", as_image(photo, "the photograph")
    count, asked = threads or processors(), as_range(pixel_range)
    ports = as_ports(output_name, inputs, bind, states)
    if model is None:
        from edge_imgq.pipeline.assess import MODEL, assess_pixels, open_assessor

        _refuse_said_of_advised(asked, ports, settings)
        model = assess_pixels(pixels, name, open_assessor(MODEL, count)).advice
    enhancers = [
        open_enhancer(found, count, asked, as_settings(settings))
        for found in _opened(model, asked, ports)
    ]
    refuse_unused_range(enhancers, asked)
    return enhance_image(pixels, name, enhancers, progress or unwatched)


def enhance_files(
    photos: AnyPath | Iterable[AnyPath],
    model: Models | None,
    output: AnyPath,
    *,
    suffix: str = "",
    resume: bool = False,
    workers: int = 0,
    memory: int = 0,
    page: AnyPath | None = None,
    pixel_range: Range | None = None,
    output_name: str | Sequence[str] = "",
    inputs: Inputs = (),
    bind: Bound = NOTHING_BOUND,
    states: Sequence[str] = (),
    settings: Settings = NOTHING_SET,
    device: str = "",
    threads: int | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Run networks or written files on photographs, and write the results.

    Args:
        photos: paths; a folder stands for the images directly inside it.
        model: as for `enhance`.
        output: folder for the results, which have the photographs' names.
        suffix: png, jpg, webp, tiff or bmp; by default each photograph's own.
        resume: whether photographs whose results are there are left as they are: a run that was
            interrupted goes on where it stopped. The results of other models are not told apart.
        workers: photographs that are enhanced at once, which share the threads; 0 for one, or for
            as many as `memory` allows.
        memory: bytes that the process may hold, about: tiles are then as small and workers as few
            as it takes, and a photograph that is too large even so is left out; 0 for no limit.
        page: file for a page of HTML that shows every photograph before and after, those of an
            earlier run included.
        pixel_range: as for `enhance`.
        output_name: likewise.
        inputs: likewise.
        bind: likewise.
        states: likewise.
        settings: of inputs beside the photograph: numbers in the model's own unit, or the paths of
            pictures, by the input's name.
        device: that runs the files, such as "gpu"; empty for this host.
        threads: as for `enhance`.
        progress: called with every step before it begins.

    Returns:
        What was written, and a sentence for every photograph that was left out.

    Raises:
        UsageError: a folder holds no image, two results would have one name, or one would overwrite
            its photograph.
        ImageError: none of the photographs is an image.
        ModelError: a model cannot be opened.
        OutputError: a result cannot be written.
        RuntimeUnavailableError: the device is not there, or does not run a file.
    """
    from edge_imgq.pipeline.enhance.before_after_page import write_page
    from edge_imgq.pipeline.enhance.enhance import BatchResult, EnhanceRequest
    from edge_imgq.pipeline.enhance.enhance import enhance as run
    from edge_imgq.pipeline.enhance.follow_advice import follow_advice

    asked = as_range(pixel_range)
    every = _jobs(_files(as_paths(photos)), Path(output), suffix)
    there = tuple(result for _, result in every if resume and result.is_file())
    jobs = tuple(job for job in every if job[1] not in there)
    ports = as_ports(output_name, inputs, bind, states)
    if model is None:
        _refuse_said_of_advised(asked, ports, settings)
    models = () if model is None else tuple(_opened(model, asked, ports))
    said = as_settings(settings)
    request = EnhanceRequest(
        jobs, models, threads or processors(), asked, workers, memory, said, device
    )
    watch = progress or unwatched
    work = follow_advice if model is None else run
    batch = work(request, watch) if jobs else BatchResult((), ())
    if page is not None:
        written = {Path(image.path) for image in batch.written}.union(there)
        write_page(Path(page), [job for job in every if job[1] in written], watch)
    return replace(batch, there=tuple(map(str, there)))


def _refuse_said_of_advised(
    pixels: PixelRange | None, ports: PortRequests, settings: Settings
) -> None:
    """Refuse what is said of a model where `assess` chooses it: a network that ships.

    Raises:
        UsageError: something is.
    """
    said = ["--range"] * (pixels is not None) + [*ports.words[::2], *(["--set"] * bool(settings))]
    if said:
        raise UsageError(
            f"{said[0]} says something of a model of yours, and `assess` chooses networks that "
            f"ship, which take the photograph alone: leave it out, or name a model (--model)."
        )


def _files(photos: Iterable[Path]) -> Iterable[Path]:
    """Yield files as they are, and the images of folders."""
    from edge_imgq.images.files import list_images

    for photo in photos:
        yield from list_images(photo) if photo.is_dir() else (photo,)


def _opened(
    models: Models, pixels: PixelRange | None, ports: PortRequests
) -> Iterable[str | Source]:
    """Return paths and names as they are, and other models opened."""
    one = isinstance(models, (str, bytes)) or not isinstance(models, Sequence)
    for model in cast("Sequence[ModelLike]", [models] if one else models):
        yield named_or_open(model, pixels, ports)


def _jobs(photos: Iterable[Path], output: Path, suffix: str) -> tuple[tuple[Path, Path], ...]:
    """Pair every photograph with the place of its result.

    Raises:
        UsageError: two results would have one name, or one would overwrite its photograph.
    """
    from edge_imgq.images.files import HEIF

    jobs: dict[Path, Path] = {}
    for photo in photos:
        # What is read and not written, such as an iPhone's own format, becomes JPEG.
        kept = photo.suffix if photo.suffix.lower() not in HEIF else ".jpg"
        result = output / f"{photo.stem}{f'.{suffix}' if suffix else kept}"
        if result in jobs:
            raise UsageError(
                f"{photo} and {jobs[result]} would both become {result}; enhance them one after "
                "the other into two folders."
            )
        if result.resolve() == photo.resolve():
            raise UsageError(f"{photo} would be overwritten by its result; choose another -o.")
        jobs[result] = photo
    return tuple((photo, result) for result, photo in jobs.items())
