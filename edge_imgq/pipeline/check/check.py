"""Check if exported files and shipped copies meet a baseline.

A report is valid for a file if it has the file's digest and was made with today's versions of the
runtimes. All other files are measured again. A file whose digest differs from the report's fails,
whatever its figures: "mismatched" if it says that it is from another export, else "tampered".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from edge_imgq.artifact import sha256_of
from edge_imgq.errors import EdgeImgqError, UsageError
from edge_imgq.images.samples import ImageSet
from edge_imgq.pipeline.check.first_difference import first_difference, is_as_near_as_its_graph
from edge_imgq.pipeline.check.graph_tensors import with_tensor_changes
from edge_imgq.pipeline.check.measured_by_report import (
    not_vouched_for,
    note_of,
    other_export,
    other_reference,
)
from edge_imgq.pipeline.check.remeasure import Job, remeasure
from edge_imgq.pipeline.image_selection import evaluation_images
from edge_imgq.pipeline.progress import Watch
from edge_imgq.pipeline.verify.verify import Terms
from edge_imgq.recipe.folders import valid_recipes
from edge_imgq.report.baseline import Baseline, ModelBaseline, figures
from edge_imgq.report.baseline_comparison import NOT_THE_MEASURED
from edge_imgq.report.comparison import changes_beyond_tolerance, lacks_sizes
from edge_imgq.report.json_form import read_report, report_files
from edge_imgq.report.report import NotRun, Report, TargetReport
from edge_imgq.report.verdict import NotVouchedFor, TargetKey, Verdict, judge
from edge_imgq.runtime.versions import runtime_versions
from edge_imgq.skipped import Skipped
from edge_imgq.version import __version__

AS_ITS_GRAPH = "the file computes what its graph does: the graph is what got worse"


@dataclass(frozen=True)
class CheckRequest:
    """Arguments of `check`.

    Attributes:
        paths: reports, folders of models, or folders of several models.
        shipped: copies of the files, such as those in an app's assets.
        required: targets that must pass.
        images: images to measure on; None for those of the manifest, if the reports used them.
        threads: processor threads.
        cache: folder of cached measurements; None to measure every file again without caching.
    """

    paths: tuple[Path, ...]
    shipped: tuple[Path, ...] = ()
    required: tuple[str, ...] = ()
    images: Path | None = None
    threads: int = 1
    cache: Path | None = None

    @cached_property
    def image_set(self) -> ImageSet | None:
        """The images to measure on, listed and hashed once; None if the manifest's are missing."""
        if self.images is not None:
            return evaluation_images(self.images)
        try:
            return evaluation_images(None)
        except EdgeImgqError:  # a manifest of its own, whose images are elsewhere
            return None


@dataclass(frozen=True)
class CheckedModel:
    """The files of one model and their current figures.

    Attributes:
        folder: folder of the files.
        report: report, with the figures of files that were measured again.
        unvouched: target → why its file is not the measured one.
    """

    folder: Path
    report: Report
    unvouched: Mapping[str, NotVouchedFor]


def check_models(request: CheckRequest, watch: Watch) -> tuple[CheckedModel, ...]:
    """Compare all files with their reports, and measure again those that no report is valid for.

    Raises:
        UsageError: a report is missing, a model has two reports, or a report was made with other
            versions on images that are not available.
        RecipeError: a report cannot be read.
    """
    files = dict.fromkeys(file for path in request.paths for file in report_files(path))
    reports = {file: read_report(file) for file in files}
    _refuse_twins(reports)
    return tuple(_check_model(file, report, request, watch) for file, report in reports.items())


def verdicts(
    models: Sequence[CheckedModel], baseline: Baseline, request: CheckRequest, watch: Watch
) -> tuple[Verdict, ...]:
    """Return verdicts on the files, then on the copies that ship, against a baseline.

    One per target, and one per copy: it passes only if it equals a measured file byte for byte.
    Failing files and unknown copies are run, to say what differs; `watch` is called before each.
    """
    unvouched: dict[TargetKey, NotVouchedFor] = {
        (m.report.model, target): why for m in models for target, why in m.unvouched.items()
    }
    reports = [model.report for model in models]
    judged = judge(reports, baseline, unvouched, request.required)
    folders = {model.folder: model.report for model in models}
    own = [
        _explained(verdict, models, baseline, request)
        for verdict in with_tensor_changes(judged, folders, baseline)
    ]
    return (*own, *(_shipped(path, models, baseline, request, watch) for path in request.shipped))


def _explained(
    verdict: Verdict, models: Sequence[CheckedModel], baseline: Baseline, request: CheckRequest
) -> Verdict:
    """Add to a failing verdict the first tensor that differs from its graph, if one does."""
    if not verdict.fails or verdict.outcome not in ("regressed", *NOT_THE_MEASURED):
        return verdict
    model = next(model for model in models if model.report.model == verdict.model)
    images = images_of(model.report, request)
    target = next((t for t in model.report.targets if t.target == verdict.target), None)
    if target is None or images is None or not (model.folder / target.file).exists():
        return verdict
    known = baseline.models.get(verdict.model)
    before = known.targets.get(verdict.target) if known else None
    if verdict.outcome == "regressed" and before and lacks_sizes(before, figures(target)):
        return verdict
    is_as_graph = verdict.outcome == "regressed" and is_as_near_as_its_graph(target)
    said = "" if is_as_graph else first_difference(model.folder, model.folder / target.file, images)
    if isinstance(said, Skipped):
        said = said.reason
    elif said == "" and verdict.outcome == "regressed" and not _has_its_graph(known, model, target):
        said = AS_ITS_GRAPH
    return replace(verdict, reasons=(*verdict.reasons, said)) if said else verdict


def _has_its_graph(known: ModelBaseline | None, model: CheckedModel, target: TargetReport) -> bool:
    """Return True if a target was written from the same graphs as in the baseline."""
    before = known.targets.get(target.target) if known else None
    if known is None or before is None:
        return False
    now = (model.report.reference_sha256, target.quantized_sha256)
    return now == (known.float_sha256, before.quantized_sha256)


def _refuse_twins(reports: Mapping[Path, Report]) -> None:
    """Raise UsageError if two reports concern the same model."""
    files: dict[str, Path] = {}
    for file, report in reports.items():
        if report.model in files:
            raise UsageError(
                f"{files[report.model]} and {file} are both about {report.model}, and a baseline "
                "holds a model once. Check them against baselines of their own."
            )
        files[report.model] = file


def _check_model(file: Path, report: Report, request: CheckRequest, watch: Watch) -> CheckedModel:
    folder = file.parent
    other = other_reference(folder, report)
    unvouched = {
        target.target: why
        for target in report.targets
        if (why := not_vouched_for(folder / target.file, report, target, other))
    }
    named = None if request.images is None else request.image_set
    others = named is not None and named.sha256 != report.evaluation_sha256
    old = request.cache is None or others or not _made_by_these_versions(report)
    again = [
        target
        for target in report.targets
        if (old or target.target in unvouched) and (folder / target.file).exists()
    ]
    model = CheckedModel(folder, report, unvouched)
    if not again:
        return model
    images = images_of(report, request)
    if images is None:
        return _unmeasured(model, file, request, old)
    jobs = {target.target: _job(folder / target.file, target) for target in again}
    measured = _measured(folder, jobs, images, request, watch)
    return _with_figures(model, measured, images if old else None)


def _unmeasured(model: CheckedModel, file: Path, request: CheckRequest, old: bool) -> CheckedModel:
    """Add to unvouched files that they were not measured again, as their images are unknown.

    Raises:
        UsageError: no valid figures remain.
    """
    whose = f"its images ({model.report.evaluation}) are not those of the manifest"
    if old:
        why = "was made with other versions than those that are here"
        if request.cache is None:
            why = "is not to be trusted (--no-cache)"
        raise UsageError(
            f"{file} {why}, and {whose}. Name them with --images, to measure its files again."
        )
    hint = f"it was not measured again: {whose}; name them with --images"
    unvouched = {name: why.adding(hint) for name, why in model.unvouched.items()}
    return replace(model, unvouched=unvouched)


def _made_by_these_versions(report: Report) -> bool:
    return report.version == __version__ and report.versions == runtime_versions()


def images_of(report: Report, request: CheckRequest) -> ImageSet | None:
    """Return the user's images, or the manifest's if a report was made with them; else None."""
    images = request.image_set
    if images is None or request.images is not None:
        return images
    return images if images.sha256 == report.evaluation_sha256 else None


def _measured(
    folder: Path, jobs: Mapping[str, Job], images: ImageSet, request: CheckRequest, watch: Watch
) -> dict[str, TargetReport | NotRun]:
    """Measure files again, by target; a `NotRun` with the reason if the references are missing."""
    budgets = {recipe.name: recipe.budget for recipe in valid_recipes(jobs)}
    terms = Terms(images, budgets, request.threads, keep_going=True, timed=False)
    try:
        by_path = remeasure(folder, list(jobs.values()), terms, request.cache, watch)
    except EdgeImgqError as error:
        return {
            name: NotRun(job.path.name, str(error), error.exit_code) for name, job in jobs.items()
        }
    return {name: by_path[job.path] for name, job in jobs.items()}


def _with_figures(
    model: CheckedModel, measured: Mapping[str, TargetReport | NotRun], images: ImageSet | None
) -> CheckedModel:
    """Return files with new figures.

    Args:
        model: files with the figures of their report.
        measured: new figures by target.
        images: images of the new figures if all files were measured again; None if only some were.
    """
    report, unvouched = model.report, dict(model.unvouched)
    targets, not_run = [], list(report.not_run)
    for target in report.targets:
        value = measured.get(target.target, target)
        if isinstance(value, TargetReport):
            targets.append(replace(value, target=target.target, file=target.file))
        if target.target in unvouched:
            unvouched[target.target] = unvouched[target.target].adding(*_said(target, value))
        elif isinstance(value, NotRun):
            not_run.append(value)
        if target.target in unvouched and isinstance(value, NotRun):
            targets.append(target)
    report = replace(report, targets=tuple(targets), not_run=tuple(not_run))
    if images is not None:
        report = replace(
            report,
            version=__version__,
            versions=runtime_versions(),
            evaluation=images.description,
            evaluation_sha256=images.sha256,
        )
    return replace(model, report=report, unvouched=unvouched)


def _said(before: TargetReport, value: TargetReport | NotRun) -> tuple[str, ...]:
    """Return a sentence on a file's new measurement; () if it was not measured again."""
    if isinstance(value, NotRun):
        return (f"measured again, it does not run: {value.reason}",)
    if value is before:
        return ()
    return (
        f"measured again, it is {value.vs_reference.mean:.2f} dB against the float model; the "
        f"report has {before.vs_reference.mean:.2f}",
    )


def _job(path: Path, target: TargetReport) -> Job:
    memory = target.memory
    return Job(path, sha256_of(path), None if isinstance(memory, Skipped) else memory.size)


def _shipped(
    path: Path,
    models: Sequence[CheckedModel],
    baseline: Baseline,
    request: CheckRequest,
    watch: Watch,
) -> Verdict:
    """Return the verdict on a copy; it passes only if it equals a measured file byte for byte."""
    digest = sha256_of(path)
    for model in models:
        for target in model.report.targets:
            if target.sha256 == digest and target.target not in model.unvouched:
                same = f"it is {target.target}, byte for byte"
                return Verdict(model.report.model, str(path), "pass", False, (same,))
    try:
        note = note_of(path)
    except EdgeImgqError as error:
        return _not_ours(models[0], path, f"it does not open: {error}")
    of_model = [model for model in models if model.report.model == note.model]
    if not of_model:
        words = f"it is {note.target} of {note.model}, which no report is about"
        return _not_ours(models[0], path, words, altered=False)
    model = of_model[0]
    own = next((target for target in model.report.targets if target.target == note.target), None)
    origin = other_export(note, model.report, note.target)
    if note.reference_sha256 != model.report.reference_sha256:
        return _not_ours(model, path, origin, altered=False)
    measured = _shipped_figures(path, own, model, baseline, request, watch) if own else ()
    words = origin or f"it is a {note.target} with other bytes"
    return _not_ours(model, path, words, *measured, altered=not origin)


def _not_ours(model: CheckedModel, path: Path, *reasons: str, altered: bool = True) -> Verdict:
    why = NotVouchedFor(("no report vouches for this file", *reasons), altered)
    return Verdict(model.report.model, str(path), why.outcome, True, why.reasons)


def _shipped_figures(
    path: Path,
    own: TargetReport,
    model: CheckedModel,
    baseline: Baseline,
    request: CheckRequest,
    watch: Watch,
) -> tuple[str, ...]:
    """Return the drift of an unknown copy compared with the report and the baseline."""
    images = images_of(model.report, request)
    if images is None:
        return ()
    jobs = {own.target: _job(path, own)}
    value = _measured(model.folder, jobs, images, request, watch)[own.target]
    known = baseline.models.get(model.report.model)
    before = known.targets.get(own.target) if known else None
    if before is None or isinstance(value, NotRun):
        return _said(own, value)
    worse, _better = changes_beyond_tolerance(before, figures(value), value, baseline.tolerances)
    return (*_said(own, value), *worse)
