"""Text form of a report: a verdict per file, then a table of all values."""

from __future__ import annotations

import re
from itertools import groupby

from edge_imgq.recipe.export import Budget
from edge_imgq.report import format_metrics
from edge_imgq.report.diagnosis import ALL_INT8, Diagnosis
from edge_imgq.report.diagnosis_text import diagnosis_text
from edge_imgq.report.drawing import ABSENT, byte_count, draw, new_table, wrapped
from edge_imgq.report.execution_text import agreement_lines, gpu_lines, placement_lines
from edge_imgq.report.explanation import explanations
from edge_imgq.report.heading import heading, verdict
from edge_imgq.report.hints import hints
from edge_imgq.report.quality_text import (
    beyond_port,
    changed_files,
    number_lines,
    quality_lines,
    tint_lines,
    worse_than_input,
    wrong_range,
)
from edge_imgq.report.report import Report, TargetReport, by_reason
from edge_imgq.report.time_text import count_lines, runtime_lines
from edge_imgq.report.verdict_lines import verdict_lines
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import NO_BUILTIN_KERNELS
from edge_imgq.verify.gpu_drift import NOT_ON_GPU

_SIZED = re.compile(r"-(\d+x\d+)$")

COLUMNS = ("target", ">size", ">vs float", ">drop", ">quantized", ">converted", ">ms")
"""Headings; a leading ">" right-aligns the column."""

POINTER = "columns, kernels, memory, calibration and steps of int8: --explain"


def report_table(report: Report, *, explain: bool = False) -> str:
    """Return a report as text of at most 80 columns.

    The text has a verdict line per file, warnings and failures, the table of all values with notes,
    the overall verdict, and hints. PSNR and drop are in dB, mean/worst; times are in ms,
    median/90th percentile. Without targets there is no table.

    Args:
        report: The report.
        explain: Whether to add a legend, placement, memory and the gain of each quantizer step.
    """
    paragraphs = [wrapped(heading(report)), verdict_lines(report)]
    warnings = (*changed_files(report), *wrong_range(report), *worse_than_input(report))
    paragraphs += [wrapped(line, "  ") for line in (*warnings, *beyond_port(report))]
    paragraphs += [*_failures(report), *_diagnoses(report)]
    paragraphs += _measured(report, explain) if report.targets else []
    paragraphs.append(wrapped(verdict(report), "  "))
    if suggestions := hints(report):
        paragraphs.append(
            "\n".join(["hints:", *(wrapped(f"  {hint}", "    ") for hint in suggestions)])
        )
    return "\n\n".join(paragraphs)


def _failures(report: Report) -> list[str]:
    """Return a paragraph per kind of failure: not written, not run or measured, over budget."""
    paragraphs = []
    if report.failed:
        paragraphs.append("\n".join(["not written:", *_failed(report)]))
    for words, unmeasured in report.unmeasured.items():
        lines = [
            wrapped(f"! {', '.join(file.file for file in files)}: {reason}", "  ")
            for reason, files in by_reason(unmeasured).items()
        ]
        paragraphs.append("\n".join([f"{words}:", *lines]))
    if report.breaches:
        lines = [
            wrapped(f"! {', '.join(targets)}: {breach}", "  ")
            for breach, targets in _by_breach(report).items()
        ]
        paragraphs.append("\n".join(["over budget:", *lines]))
    return paragraphs


def _diagnoses(report: Report) -> list[str]:
    """Return the diagnosis of each scheme that has one."""
    return [
        diagnosis_text(scheme.scheme, scheme.diagnosis)
        for scheme in report.schemes
        if isinstance(scheme.diagnosis, Diagnosis)
    ]


def _measured(report: Report, explain: bool) -> list[str]:
    """Return the table of values, the notes on it, and the reasons for missing values."""
    table = new_table(*COLUMNS)
    for budget, targets in groupby(report.targets, key=lambda target: target.budget):
        for target in targets:
            table.add_row(*cells(target))
        if budget is not None:
            table.add_row(*_budget_cells(budget))
    for failed in report.failed:
        table.add_row(_with_wrappable_size(failed.target) + " !", "no file", *[ABSENT] * 5)
    captions = [*conditions(report), *(explanations(report) if explain else [POINTER])]
    paragraphs = [draw(table), "\n".join(wrapped(line, "  ") for line in captions)]
    notes = _skipped(report)
    return [*paragraphs, "\n".join([f"{ABSENT} not measured:", *notes])] if notes else paragraphs


def cells(target: TargetReport) -> tuple[str, ...]:
    """Return the table row of a file, as text.

    Cells are the name, file size, PSNR against the float reference, drop, PSNR of the quantized
    graph, share within one level of it, and time. PSNR and drop are in dB, mean/worst; times are in
    ms, median/90th percentile. "!" after the name marks a breach of the budget; a dash stands for
    what was not measured.
    """
    return (
        _with_wrappable_size(target.target) + (" !" if target.breaches else ""),
        byte_count(target.bytes),
        format_metrics.fidelity(target.vs_reference),
        format_metrics.drop(target.drop),
        format_metrics.fidelity(target.quantization),
        format_metrics.conversion(target.conversion),
        format_metrics.latency(target.latency),
    )


def _budget_cells(budget: Budget) -> tuple[str, ...]:
    """Return the table row with the limits of a budget."""
    share = budget.conversion_within_1
    return (
        "  budget",
        "",
        f"≥ {budget.psnr_vs_reference:g}",
        f"≤ {budget.psnr_drop:g}/{budget.psnr_drop_worst:g}",
        "",
        "" if share is None else f"≥ {share:.2%}",
        "",
    )


def _with_wrappable_size(target: str) -> str:
    """Replace the "-" before the size in a target's name by a space, where a cell can wrap."""
    return _SIZED.sub(r" \1", target)


def _failed(report: Report) -> list[str]:
    """Return a paragraph per reason why targets have no file."""
    lines = []
    for reason, failed in report.failures.items():
        first, *rest = reason.splitlines()
        names = ", ".join(target.target for target in failed)
        lines.append(wrapped(f"! {names}: {first}", "  "))
        lines += [wrapped(f"    {line.strip()}", "      ") for line in rest]
    return lines + [wrapped(f"  {report.without_refused}", "  ")] * bool(report.without_refused)


def _by_breach(report: Report) -> dict[str, list[str]]:
    """Return the targets over budget by the sentence on the breach."""
    groups: dict[str, list[str]] = {}
    for target in report.targets:
        for breach in target.breaches:
            groups.setdefault(breach, []).append(target.target)
    return groups


def conditions(report: Report) -> list[str]:
    """Return lines on how values were measured: device, images, reference, runtimes, placement.

    Lines on quality against the truth and on further outputs are among them. They are not wrapped.
    """
    lines = []
    if report.device != "host":
        lines.append(f"device: {report.device}; the references ran on this host")
    lines += [f"evaluation: {report.evaluation}", *quality_lines(report), *number_lines(report)]
    lines += tint_lines(report)
    lines += [*report.measured_against, *agreement_lines(report), *gpu_lines(report)]
    lines += [*placement_lines(report), *count_lines(report)]
    lines += [
        f"{s.scheme}: {s.diagnosis.reason}"
        for s in report.schemes
        if isinstance(s.diagnosis, Skipped) and s.diagnosis.reason.startswith(ALL_INT8.reason)
    ]
    return [*lines, *runtime_lines(report)]


def _skipped(report: Report) -> list[str]:
    """Return a line per reason for missing values, with the targets or steps it applies to."""
    reasons: dict[str, list[str]] = {}
    for target in report.targets:
        for column, value in (
            ("drop", target.drop), ("quantized", target.quantization), ("ms", target.latency),
            ("own kernels", target.builtin_kernels), ("GPU", target.gpu),
        ):  # fmt: skip
            if isinstance(value, Skipped) and value not in (NO_BUILTIN_KERNELS, NOT_ON_GPU):
                reasons.setdefault(f"{column}: {value.reason}", []).append(target.target)
    for scheme in report.schemes:
        for step in scheme.steps:
            if isinstance(step.psnr, Skipped):
                said = f"steps of {scheme.scheme}: {step.psnr.reason}"
                reasons.setdefault(said, []).append(step.name)
    return [
        wrapped(f"  {reason} ({', '.join(names)})", "    ") for reason, names in reasons.items()
    ]
