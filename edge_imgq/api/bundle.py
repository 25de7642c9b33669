"""`edge_imgq.bundle`: package a model's files with everything an app developer needs."""

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
    """Package a model's files with their contract, sample code, test vectors and model card.

    Args:
        model: folder of one model written by `export`, or the result of `export`.
        output: folder of the bundle; an unmodified bundle of the same model is replaced.
        targets: names, globs such as "*-int8" or families such as "tflite"; all if empty.
        zipped: True to also write the bundle as a zip file beside the folder.
        card: Markdown model card of a network that does not ship with edge-imgq.
        author: author to state; "" for none.
        licence: licence of the weights to state; "" for none.
        model_version: version of the model to state; "" for none.
        progress: called before each step.

    Returns:
        Paths of the written folder and files.

    Raises:
        UsageError: the folder has no report or no such file; or `output` is not a bundle, or is
            that of another model, or has files added or changed.
        DriftError: a file is not the one that was measured.
        ModelError: a file is damaged, or the graphs it was made from are missing.
        OutputError: the bundle cannot be written.
        RecipeError: the report cannot be read.
        RuntimeUnavailableError: the runtime of a file is not installed here.
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
    """Check every statement of a bundle against its files, which are run and measured again.

    Args:
        folder: folder of the bundle.
        images: images that drift was measured on; None for those that ship with edge-imgq.
        progress: called before each step.

    Returns:
        One finding per statement, with state "same", "differs" or "skipped". The bundle is correct
        if no state is "differs". Drift may differ by 0.15 dB.

    Raises:
        UsageError: the folder holds no bundle.
        ModelError: a graph that a model file was made from is missing.
        ImageError: an image cannot be read, or is too small.
    """
    from edge_imgq.pipeline.bundle.bundle_check import check_bundle

    return check_bundle(Path(folder), images, progress or unwatched)
