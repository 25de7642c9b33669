"""`edge_imgq.assess`: what a photograph suffers from, and which network mends it."""

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
    """What was found of several photographs.

    Attributes:
        found: an assessment for each.
        failed: a sentence for each that is no image or damaged.
    """

    found: tuple[Assessment, ...]
    failed: tuple[str, ...]


def assess(
    photo: AnyPath | NDArray[np.uint8],
    *,
    model: AnyPath = "assess-slim",
    threads: int | None = None,
) -> Assessment:
    """Say what a photograph suffers from, without its original, and which network to run.

    Args:
        photo: a path, or uint8 (H, W, 3) in RGB, (H, W, 1) or (H, W) in gray, of any size.
        model: the network, or a file that was exported of it.
        threads: processor threads; None for as many as there are.

    Raises:
        ImageError: it is no image, or damaged.
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
    """Assess photographs.

    Args:
        photos: paths; a folder stands for the images directly inside it.
        model: as for `assess`.
        threads: as for `assess`.
        progress: called before every photograph.

    Raises:
        UsageError: a folder holds no image.
        ImageError: none of the photographs is an image.
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
