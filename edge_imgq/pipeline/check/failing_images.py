"""Run failing files again to show the images that they change most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.errors import EdgeImgqError
from edge_imgq.images.samples import ImageSet
from edge_imgq.pipeline.check.check import CheckedModel, CheckRequest, images_of
from edge_imgq.pipeline.check.measured_by_report import note_of
from edge_imgq.pipeline.progress import Watch
from edge_imgq.pipeline.verify.references import Candidate
from edge_imgq.pipeline.verify.verify import Terms, verify_files
from edge_imgq.pipeline.verify.worst_images import WorstImages
from edge_imgq.report.verdict import TargetKey, Verdict

if TYPE_CHECKING:
    from edge_imgq.report.image_comparison import ImageComparison


def failing_pictures(
    models: Sequence[CheckedModel], verdicts: Sequence[Verdict], request: CheckRequest, watch: Watch
) -> dict[TargetKey, tuple[ImageComparison, ...]]:
    """Return the worst images of each failing target whose file runs and whose images are known.

    The files run again for this. A file that fails is left out.

    Args:
        models: files of all models with their figures.
        verdicts: verdicts on them; those that pass are left out.
        request: arguments of the check.
        watch: called before each step.

    Returns:
        At most three images per (model, target), that of the least PSNR first.
    """
    failing = {(verdict.model, verdict.target) for verdict in verdicts if verdict.fails}
    pictures: dict[TargetKey, tuple[ImageComparison, ...]] = {}
    for model in models:
        files = [(target, path) for target, path in _files(model) if target in failing]
        images = images_of(model.report, request) if files else None
        if images is not None:
            for together in _rounds(files):
                pictures |= _worst(model.folder, together, images, request, watch)
    return pictures


def unknown_images(
    models: Sequence[CheckedModel], verdicts: Sequence[Verdict], request: CheckRequest
) -> tuple[str, ...]:
    """Return a sentence for each model whose failures cannot be shown, as its images are unknown.

    That is, it was measured on other images than the manifest's, and the request names none.

    Args:
        models: files of all models with their figures.
        verdicts: verdicts on them.
        request: arguments of the check.
    """
    failing = {verdict.model for verdict in verdicts if verdict.fails}
    return tuple(
        f"{model.report.model}: no pictures of what fails: its images "
        f"({model.report.evaluation}) are not those of the manifest; name them with --images DIR"
        for model in models
        if model.report.model in failing and images_of(model.report, request) is None
    )


def _files(model: CheckedModel) -> Iterator[tuple[TargetKey, Path]]:
    for target in model.report.targets:
        yield (model.report.model, target.target), model.folder / target.file


def _rounds(files: Iterable[tuple[TargetKey, Path]]) -> list[dict[str, tuple[TargetKey, Path]]]:
    """Group files so that each group has distinct names, taken from the notes in the files.

    A file stored under another target's name has the same note as that target, so it runs in a
    separate group.
    """
    rounds: list[dict[str, tuple[TargetKey, Path]]] = []
    for target, path in files:
        try:
            note = note_of(path)
        except EdgeImgqError:
            continue  # the verdict says why
        name = f"{note.model}-{note.target}"
        free = next((known for known in rounds if name not in known), None)
        if free is None:
            rounds.append(free := {})
        free[name] = (target, path)
    return rounds


def _worst(
    folder: Path,
    files: Mapping[str, tuple[TargetKey, Path]],
    images: ImageSet,
    request: CheckRequest,
    watch: Watch,
) -> dict[TargetKey, tuple[ImageComparison, ...]]:
    kept = WorstImages(None, whole=True)
    terms = Terms(images, {}, request.threads, worst_images=kept, keep_going=True, timed=False)
    try:
        verify_files(folder, [Candidate(path, None) for _, path in files.values()], terms, watch)
    except EdgeImgqError:
        return {}  # the verdict says why
    return {files[name][0]: shown for name, shown in kept.by_file.items() if shown}
