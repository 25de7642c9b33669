"""`edge_imgq.bundle`: the files of a model with all that an app developer needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import AnyPath, Progress, as_path, unwatched

if TYPE_CHECKING:
    from edge_imgq.pipeline.bundle.bundle_check import BundleFinding
    from edge_imgq.pipeline.image_selection import Images


def bundle(
    model: AnyPath,
    output: AnyPath,
    *,
    targets: str | Sequence[str] = (),
    zipped: bool = False,
    card: AnyPath | None = None,
    author: str = "",
    licence: str = "",
    model_version: str = "",
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Put the files of a model into one folder, with their contract and what to test an app with.

    Args:
        model: folder of one model that `export` wrote, or what `export` returned.
        output: folder of the bundle; one of the same model is replaced.
        targets: names, globs such as "*-int8" or families such as "tflite"; all by default.
        zipped: whether it is written as one file beside the folder, too.
        card: the model card of a network of your own, in Markdown.
        author: to be stated.
        licence: of the weights, likewise.
        model_version: likewise.
        progress: called with every step before it begins.

    Returns:
        The paths of what was written.

    Raises:
        UsageError: there is no report, or no such file; or something else lies in the bundle's
            place: what is no bundle, one of another model, or one with files added or changed.
        DriftError: a file is not the one that was measured.
        ModelError: a file is damaged, or the graphs that it was made from are gone.
        OutputError: the bundle cannot be written.
    """
    from edge_imgq.pipeline.bundle.bundle import BundleRequest
    from edge_imgq.pipeline.bundle.bundle import bundle as run

    request = BundleRequest(
        folder=Path(model),
        output=Path(output),
        targets=(targets,) if isinstance(targets, str) else tuple(targets),
        zipped=zipped,
        card=as_path(card),
        author=author,
        licence=licence,
        model_version=model_version,
    )
    return run(request, progress or unwatched).paths


def verify_bundle(
    folder: AnyPath, *, images: Images | None = None, progress: Progress | None = None
) -> tuple[BundleFinding, ...]:
    """Hold all that a bundle says to the files in it.

    Args:
        folder: of the bundle.
        images: that drift was measured on; None for those that ship.
        progress: called with every step before it begins.

    Returns:
        What was looked at. A bundle is right where the state of none is "differs".

    Raises:
        UsageError: the folder holds no bundle.
    """
    from edge_imgq.pipeline.bundle.bundle_check import check_bundle

    return check_bundle(Path(folder), images, progress or unwatched)
