"""`edge_imgq.enhance`: run networks and files on photographs of any size."""

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
    """Run one or several networks on a photograph, in tiles without visible seams.

    Tiles overlap by the receptive field. Where it is known, the result equals that of the whole
    image at once, up to the rounding of the runtime.

    Args:
        photo: path, or a uint8 array: (H, W, 3) in RGB, (H, W, 1) or (H, W) in gray; any size. A
            network for RGBA sees the opacity of a file; an array is opaque.
        model: file written by `export`, or a model that `open` takes or returned; several run one
            after the other. A network for luma only keeps the photograph's colours. None for the
            network that `assess` advises, which may be none.
        pixel_range: float value of pixel 255, or of pixels 0 and 255, as for `open`; for .onnx
            files that do not state it.
        output_name: output to keep, or several, main one first; as for `open`.
        inputs: kinds and ranges of inputs, such as "sigma=plane:0..75/255"; as for `open`.
        bind: constants for inputs other than the image, by name; as for `open`.
        states: outputs that feed an input of the next frame; as for `open`.
        settings: values of inputs other than the photograph, by name: numbers in the model's own
            unit, or paths of images.
        threads: processor threads; None for all processors.
        progress: called before each tile.

    Returns:
        uint8 array (H × scale, W × scale, C); C is 4 if the last network returns RGBA.

    Raises:
        ImageError: the photograph is damaged, no image, or smaller than the receptive field.
        ModelError: a model cannot be opened.
        UsageError: an argument is wrong, or describes a model although `model` is None.
        RuntimeUnavailableError: the runtime of a file is not installed here.
        NonFiniteOutputError: a network returned NaN or infinity.
    """
    from edge_imgq.images.files import as_image, is_grayscale, read_image
    from edge_imgq.images.photograph import read_photograph, with_opacity
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
        open_enhancer(opened, count, asked, as_settings(settings))
        for opened in _opened(model, asked, ports)
    ]
    refuse_unused_range(enhancers, asked)
    if isinstance(photo, (str, os.PathLike)) and enhancers[0].contract.layout == "rgba":
        pixels = with_opacity(read_photograph(Path(photo)))
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
    """Run networks on photographs and write the results to a folder.

    Args:
        photos: paths; a folder selects the images directly inside it.
        model: file written by `export`, or a model that `open` takes or returned; several run one
            after the other. None for the network that `assess` advises for each photograph.
        output: folder for the results, which keep the names of the photographs.
        suffix: "png", "jpg", "webp", "tiff" or "bmp"; "" for each photograph's own suffix (".jpg"
            for HEIF).
        resume: True to skip photographs whose results exist, to continue an interrupted run.
            Results of other models are not recognized as such.
        workers: photographs processed at once, which share the threads; 0 for one, or for as many
            as `memory` allows.
        memory: approximate limit on the process's memory in bytes: tile size and workers are
            reduced to meet it, and photographs that are still too large are left out; 0 for none.
        page: path of an HTML page that shows every photograph before and after, those of an earlier
            run included; None for none.
        pixel_range: float value of pixel 255, or of pixels 0 and 255, as for `open`.
        output_name: output to keep, or several, main one first; as for `open`.
        inputs: kinds and ranges of inputs, such as "sigma=plane:0..75/255"; as for `open`.
        bind: constants for inputs other than the image, by name; as for `open`.
        states: outputs that feed an input of the next frame; as for `open`.
        settings: values of inputs other than the photograph, by name, as for `enhance`.
        device: device that runs the files, such as "gpu"; "" for this host.
        threads: processor threads; None for all processors.
        progress: called before each step.

    Returns:
        The written images, and a sentence for each photograph that was left out.

    Raises:
        UsageError: a folder holds no image, two results would have the same path, or a result would
            overwrite its photograph.
        ImageError: none of the files is an image.
        ModelError: a model cannot be opened.
        OutputError: a result cannot be written.
        RuntimeUnavailableError: the device is not available or does not run a file.
    """
    from edge_imgq.artifact import check_writable, made_folder
    from edge_imgq.pipeline.enhance.before_after_page import write_page
    from edge_imgq.pipeline.enhance.enhance import BatchResult, EnhanceRequest
    from edge_imgq.pipeline.enhance.enhance import enhance as run
    from edge_imgq.pipeline.enhance.follow_advice import follow_advice

    if page is not None:
        check_writable(Path(page), folder=False)
    asked = as_range(pixel_range)
    every = _jobs(_files(as_paths(photos)), Path(output), suffix)
    kept = tuple(result for _, result in every if resume and result.is_file())
    jobs = tuple(job for job in every if job[1] not in kept)
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
    with made_folder(Path(output)):
        for _, result in jobs:
            check_writable(result, folder=False)
        batch = work(request, watch) if jobs else BatchResult((), ())
    if page is not None:
        written = {Path(image.path) for image in batch.written}.union(kept)
        write_page(Path(page), [job for job in every if job[1] in written], watch)
    return replace(batch, kept=tuple(map(str, kept)))


def _refuse_said_of_advised(
    pixels: PixelRange | None, ports: PortRequests, settings: Settings
) -> None:
    """Raise if arguments describe a model although `assess` chooses it.

    Raises:
        UsageError: a pixel range, port request or setting is given.
    """
    said = ["--range"] * (pixels is not None) + [*ports.words[::2], *(["--set"] * bool(settings))]
    if said:
        raise UsageError(
            f"{said[0]} describes a model of yours, but without --model `assess` chooses among "
            "networks that ship, which take only the photograph. Leave it out, or name your model."
        )


def _files(photos: Iterable[Path]) -> Iterable[Path]:
    """Yield files unchanged, and the images in each folder."""
    from edge_imgq.images.files import list_images

    for photo in photos:
        yield from list_images(photo) if photo.is_dir() else (photo,)


def _opened(
    models: Models, pixels: PixelRange | None, ports: PortRequests
) -> Iterable[str | Source]:
    """Yield paths and names unchanged, and other models opened."""
    one = isinstance(models, (str, bytes)) or not isinstance(models, Sequence)
    for model in cast("Sequence[ModelLike]", [models] if one else models):
        yield named_or_open(model, pixels, ports)


def _jobs(photos: Iterable[Path], output: Path, suffix: str) -> tuple[tuple[Path, Path], ...]:
    """Pair each photograph with the path of its result.

    Raises:
        UsageError: two results would have the same path, or one would overwrite its photograph.
    """
    from edge_imgq.images.decode import HEIF

    jobs: dict[Path, Path] = {}
    for photo in photos:
        # HEIF is read but not written; the result is a JPEG.
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
