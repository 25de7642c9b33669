"""Write the figures of measured files into a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_imgq.errors import DriftError, UsageError
from edge_imgq.pipeline.check.check import CheckedModel
from edge_imgq.pipeline.check.graph_tensors import graph_tensors
from edge_imgq.report.baseline import Baseline, unmeasured, updated
from edge_imgq.report.baseline_file import read_to_update, write_baseline
from edge_imgq.report.report import Report
from edge_imgq.report.unjudged import without_truth


def update_baseline(path: Path, models: Sequence[CheckedModel]) -> tuple[str, ...]:
    """Write the figures of measured files into a baseline; its tolerances are kept.

    Figures are sizes in bytes, PSNR and drop in dB, and digests. Those of other models stay.

    Args:
        path: path of the baseline; created if it does not exist.
        models: files of models with their figures.

    Returns:
        Sentences on which figures were written, which are not compared, and which were kept or
        dropped.

    Raises:
        DriftError: a file is not the one in its report.
        UsageError: no target of a model was measured.
        RecipeError: the existing baseline cannot be read.
        OutputError: the baseline cannot be written.
    """
    for model in models:
        _refuse_to_keep(path, model)
    made = not path.parent.is_dir()
    reports = [model.report for model in models]
    before = read_to_update(path)
    tensors = {model.report.model: graph_tensors(model.folder, model.report) for model in models}
    write_baseline(path, updated(before, reports, tensors))
    names = ", ".join(report.model for report in reports)
    return (
        f"Wrote the figures of {names} to {path}.",
        *(f"{note}." for note in without_truth(reports)),
        *_unmeasured(before, reports),
        *([f"The folder {path.parent} was not there, and was made."] if made else []),
    )


def _refuse_to_keep(path: Path, model: CheckedModel) -> None:
    """Raise if the figures of a model are not valid for a baseline."""
    start = f"{path} is left as it was: {model.report.model}"
    for target, why in model.unvouched.items():
        raise DriftError(f"{start} {target}: {'; '.join(why.reasons)}. Export the model again.")
    if not model.report.targets:
        raise UsageError(
            f"{start}: no target was measured here. Update it where the targets run, from a "
            "complete export."
        )


def _unmeasured(before: Baseline | None, reports: Sequence[Report]) -> Iterator[str]:
    """Yield a sentence for each unmeasured target whose figures were kept or dropped."""
    for report in reports:
        known = before.models.get(report.model) if before is not None else None
        for one in unmeasured(known, report) if known else ():
            what = "Kept the earlier figures" if one.stays else "Dropped the figures"
            yield f"{what} of {report.model} {one.target}: {one.reason.rstrip('.')}."
