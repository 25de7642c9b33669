"""Write the files of an export, and verify each in its runtime.

A file that its runtime fails to run is written again without the rewrites that make it fast. If it
fails again, it is removed. So every exported file has run in its runtime, except if the package of
that runtime is not installed; the report then says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edge_imgq.artifact import remove
from edge_imgq.chips import CHIPS
from edge_imgq.errors import RuntimeUnavailableError
from edge_imgq.export.functions import functions_of
from edge_imgq.formats import format_of
from edge_imgq.pipeline.export.failures import Failures, error_of
from edge_imgq.pipeline.export.gpu_export import on_gpu
from edge_imgq.pipeline.export.write_targets import (
    ExportPlan,
    Graph,
    TargetJob,
    target_jobs,
    write_files,
)
from edge_imgq.pipeline.image_selection import network_inputs
from edge_imgq.pipeline.progress import Watch
from edge_imgq.pipeline.verify.references import Candidate
from edge_imgq.pipeline.verify.verify import Terms, verify_files
from edge_imgq.report.report import NotRun, Report
from edge_imgq.skipped import Skipped


def write_and_verify(
    plan: ExportPlan,
    graphs: Mapping[str, Graph],
    stage: Path,
    terms: Terms,
    failures: Failures,
    watch: Watch,
) -> Report:
    """Write and verify all files of an export.

    A file that fails by a bug in edge-imgq is written again without the rewrites that make it fast,
    and the report says so.

    Args:
        plan: plan of the export.
        graphs: QDQ graph of each scheme, by name.
        stage: folder of the references; receives the files.
        terms: settings of the verification.
        failures: receives the targets without a file.
        watch: called before each step.

    Raises:
        EdgeImgqError: no target has a file.
    """
    jobs = target_jobs(plan, stage)
    written = write_files(plan, graphs, jobs, failures, watch)
    absent = _without_runtime(written)
    runnable = [candidate for candidate in written if candidate.path not in absent]
    candidates = _in_float16(plan, jobs, runnable, failures)
    reports = [_verified(stage, candidates, terms, failures, watch)] if written else []
    again = _to_write_plainly([work for work in jobs if _has_graph(work, graphs)], failures)
    if again:
        candidates = write_files(plan, graphs, list(again), failures, watch, plain=True)
        if candidates:
            reports.append(_verified(stage, candidates, terms, failures, watch))
    for work in jobs:
        if work.target in failures:
            remove(work.path)
    report = on_gpu(plan, jobs, _joined(reports, jobs, failures, absent), watch)
    plain = [_plainly(w.target, why) for w, why in again.items() if w.target not in failures]
    return replace(report, advice=(*report.advice, *plain, *_coarse_on_npus(jobs, report)))


ENOUGH_ON_NPU = 50.0
"""PSNR in dB of an NPU's image against its graph's, below which 16 bits are recommended."""


def _coarse_on_npus(jobs: Sequence[TargetJob], report: Report) -> list[str]:
    """Recommend int16 activations if an NPU's rounding shows in a file with int8 ones."""
    int8 = {w.target for w in jobs if w.processor in CHIPS and not w.stores_int16}
    agreed = {target.target: target.vs_host for target in report.targets if target.target in int8}
    coarse = [
        name
        for name, agreement in agreed.items()
        if not isinstance(agreement, Skipped) and agreement.psnr < ENOUGH_ON_NPU
    ]
    if not coarse:
        return []
    return [
        f"On the NPU, {' and '.join(coarse)} is below {ENOUGH_ON_NPU:g} dB of what a processor "
        "computes: an NPU rounds some values a level otherwise, and each layer adds to it. Export "
        'the target tflite-npu16, or write activations = "int16" in your recipe: it stores '
        "activations in 16 bits."
    ]


def _has_graph(work: TargetJob, graphs: Mapping[str, Graph]) -> bool:
    return not work.recipe.scheme or work.recipe.scheme in graphs


def _in_float16(
    plan: ExportPlan,
    jobs: Sequence[TargetJob],
    candidates: Sequence[Candidate],
    failures: Failures,
) -> list[Candidate]:
    """Record files that phones compute in float16 and that overflow it; return the other files."""
    written = {candidate.path for candidate in candidates}
    for work in jobs:
        refuse = functions_of(work.recipe.format).refuse_fp16_overflow
        if refuse is not None and work.computes_in_float16 and work.path in written:
            with failures.of([work.target]):
                photos = (s.pixels for s in network_inputs(plan.evaluation, plan.source))
                refuse(work.path, photos, plan.source.contract.peak)
    return [candidate for candidate in candidates if candidate.path.stem not in failures]


def _without_runtime(candidates: Sequence[Candidate]) -> dict[Path, NotRun]:
    """Return the files whose runtime is not installed, with the reason; they are kept."""
    not_run = {}
    for candidate in candidates:
        file_format = format_of(candidate.path)
        if (
            file_format is not None
            and file_format.extra is not None
            and file_format.extra.is_missing
        ):
            code = RuntimeUnavailableError.exit_code
            not_run[candidate.path] = NotRun(candidate.path.name, file_format.extra.reason, code)
    return not_run


def _verified(
    stage: Path,
    candidates: Sequence[Candidate],
    terms: Terms,
    failures: Failures,
    watch: Watch,
) -> Report:
    """Verify files, and record those that do not run; files that only a phone runs are kept."""
    report = verify_files(stage, candidates, terms, watch)
    kept = tuple(f for f in report.not_run if f.exit_code == RuntimeUnavailableError.exit_code)
    for file in report.not_run:
        if file not in kept:
            failures.add(Path(file.file).stem, error_of(file))
    return replace(report, not_run=kept)


def _to_write_plainly(jobs: Sequence[TargetJob], failures: Failures) -> dict[TargetJob, str]:
    """Return the failed files to write again without rewrites, each with the reason.

    Their errors are removed from `failures`.
    """
    again = {}
    for work in jobs:
        if work.has_plain_form and (reason := failures.withdraw_fault(work.target)):
            again[work] = reason
    return again


def _joined(
    reports: Sequence[Report],
    jobs: Sequence[TargetJob],
    failures: Failures,
    absent: Mapping[Path, NotRun],
) -> Report:
    """Return one report on all written files, in the order of `jobs`.

    Raises:
        EdgeImgqError: there is no file.
    """
    measured = {target.target: target for report in reports for target in report.targets}
    not_run = (*absent.values(), *(file for report in reports for file in report.not_run))
    if not measured and not not_run:
        failures.raise_all()
    targets = tuple(measured[work.target] for work in jobs if work.target in measured)
    return replace(reports[0], targets=targets, not_run=not_run)


def _plainly(target: str, reason: str) -> str:
    """Return the advice on a file that was written without its rewrites."""
    return f"{target} was written without the forms that make it fast. With them, {reason}"
