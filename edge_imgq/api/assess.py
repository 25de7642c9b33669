"""`edge_imgq.assess`: estimate a photograph's degradations and the network that restores it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import AnyPath, Progress, as_paths, unwatched
from edge_imgq.devices.load import processors
from edge_imgq.report.assessment import Assessment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Assessments:
    """Estimates for several photographs.

    Attributes:
        assessments: one assessment per readable photograph, in the order of the arguments.
        failed: one sentence per file that is damaged or no image.
    """

    assessments: tuple[Assessment, ...]
    failed: tuple[str, ...]


def assess(
    photo: AnyPath | NDArray[np.uint8],
    *,
    model: AnyPath = "assess-slim",
    threads: int | None = None,
) -> Assessment:
    """Estimate a photograph's degradations without a reference, and the network that restores it.

    Args:
        photo: path, or a uint8 array: (H, W, 3) in RGB, (H, W, 1) or (H, W) in gray; any size.
        model: name of the assessing network, or a file that was exported from it.
        threads: processor threads; None for all processors.

    Returns:
        Estimates of noise, blur, JPEG quality and others, each with its unit and uncertainty; the
        PSNR gain in dB of each network; and the advised network, if any is worth running.

    Raises:
        ImageError: the photograph is damaged or no image.
        UsageError: `model` does not assess photographs.
        ModelError: `model` cannot be read.
        RuntimeUnavailableError: the runtime of the file is not installed here.
    """
    from edge_imgq.images.files import as_image
    from edge_imgq.images.photograph import read_photograph
    from edge_imgq.pipeline.assess import assess_pixels, open_assessor

    if isinstance(photo, (str, os.PathLike)):
        name, pixels = os.fspath(photo), read_photograph(Path(photo)).pixels
    else:
        name, pixels = "the photograph", as_image(photo, "the photograph")
    return assess_pixels(pixels, name, open_assessor(os.fspath(model), threads or processors()))


def assess_files(
    photos: AnyPath | Iterable[AnyPath],
    *,
    model: AnyPath = "assess-slim",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Assessments:
    """Estimate the degradations of several photographs; see `assess`.

    Args:
        photos: paths; a folder selects the images directly inside it.
        model: name of the assessing network, or a file that was exported from it.
        threads: processor threads; None for all processors.
        progress: called before each photograph; None for no calls.

    Returns:
        One assessment per readable photograph, and a sentence for each of the others.

    Raises:
        UsageError: a folder holds no image, or `model` does not assess photographs.
        ImageError: none of the files is an image; single failures are in `failed` of the result.
        ModelError: `model` cannot be read.
        RuntimeUnavailableError: the runtime of the file is not installed here.
    """
    from edge_imgq.images.files import list_images
    from edge_imgq.pipeline.assess import assess_photographs

    paths = [
        file
        for photo in as_paths(photos)
        for file in (list_images(photo) if photo.is_dir() else (photo,))
    ]
    return Assessments(
        *assess_photographs(paths, os.fspath(model), threads or processors(), progress or unwatched)
    )
