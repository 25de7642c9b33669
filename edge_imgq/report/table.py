"""A report as text: one row per file, and below it what the figures mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from edge_imgq.devices.instructions import Instructions
from edge_imgq.devices.latency import Latency
from edge_imgq.devices.load import QUIET
from edge_imgq.quantize.step import QuantizationStep
from edge_imgq.recipe.export import Budget
from edge_imgq.report import figures
from edge_imgq.report.diagnosis import ALL_INT8, Diagnosis
from edge_imgq.report.diagnosis_text import diagnosis_text
from edge_imgq.report.drawing import (
    ABSENT,
    byte_count,
    draw,
    large_count,
    new_table,
    wrapped,
)
from edge_imgq.report.execution_text import (
    agreement_lines,
    builtin_kernel_lines,
    gpu_lines,
    memory_lines,
    placement_lines,
)
from edge_imgq.report.heading import heading, verdict
from edge_imgq.report.hints import hints
from edge_imgq.report.quality_text import quality_lines, tint_lines
from edge_imgq.report.report import Report, TargetReport, by_reason
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import NO_BUILTIN_KERNELS
from edge_imgq.verify.gpu_drift import NOT_ON_GPU
from edge_imgq.wording import count_of

_SIZED = re.compile(r"-(\d+x\d+)$")

MANY = 0.99
"""Share of values within one level of the quantized graph below which a file has a line."""

LEGEND = (
    "dB as mean/worst image. vs float: PSNR of the file's images against the float model's. "
    "drop: PSNR lost against the truth. quantized: the quantized graph against the float model. "
    "converted: values within one level of the graph that the file was made from, and the largest "
    "difference in levels. ms: median/90th percentile. budget: what the files above it are held to."
)

COLUMNS = ("target", ">size", ">vs float", ">drop", ">quantized", ">converted", ">ms")
"""Headings; those that begin with ">" are of figures."""

DISTURBED = "this machine was not quiet, compare no times; --json says what disturbed each"


def report_table(report: Report) -> str:
    """Return a report as text of at most 80 columns; where no file ran, only why.

    The verdict stands last, behind it only what a person might try.
    """
    parts = [wrapped(heading(report)), *(_measured(report) if report.targets else ())]
    if report.failed:
        parts.append("\n".join(["not written:", *_failed(report)]))
    for words, unmeasured in report.unmeasured.items():
        lines = [
            wrapped(f"! {', '.join(file.file for file in files)}: {reason}", "  ")
            for reason, files in by_reason(unmeasured).items()
        ]
        parts.append("\n".join([f"{words}:", *lines]))
    if report.breaches:
        lines = [
            wrapped(f"! {', '.join(targets)}: {breach}", "  ")
            for breach, targets in _by_breach(report).items()
        ]
        parts.append("\n".join(["over budget:", *lines]))
    parts.extend(
        diagnosis_text(scheme.scheme, scheme.diagnosis)
        for scheme in report.schemes
        if isinstance(scheme.diagnosis, Diagnosis)
    )
    parts.append(wrapped(verdict(report), "  "))
    if found := hints(report):
        parts.append("\n".join(["hints:", *(wrapped(f"  {hint}", "    ") for hint in found)]))
    return "\n\n".join(parts)


def _measured(report: Report) -> list[str]:
    """Return the table, what its columns and figures mean, and what is missing in it."""
    table = new_table(*COLUMNS)
    for budget, targets in groupby(report.targets, key=lambda target: target.budget):
        for target in targets:
            table.add_row(*cells(target))
        if budget is not None:
            table.add_row(*_budget_cells(budget))
    for failed in report.failed:
        table.add_row(_parted(failed.target) + " !", "no file", *[ABSENT] * 5)
    parts = [draw(table), "\n".join([wrapped(LEGEND), *_captions(report)])]
    notes = _skipped(report)
    return [*parts, "\n".join([f"{ABSENT} not measured:", *notes])] if notes else parts


def cells(target: TargetReport) -> tuple[str, ...]:
    """Return the row of a file: its name, marked where it is over budget, and its figures."""
    return (
        _parted(target.target) + (" !" if target.breaches else ""),
        byte_count(target.bytes),
        figures.fidelity(target.vs_reference),
        figures.drop(target.drop),
        figures.fidelity(target.quantization),
        figures.conversion(target.conversion),
        figures.latency(target.latency),
    )


def _budget_cells(budget: Budget) -> tuple[str, ...]:
    """Return the row below the files that a budget holds for: what it asks of each figure."""
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


def _parted(target: str) -> str:
    """Return a target's name with a space before its size, which may go to a line of its own."""
    return _SIZED.sub(r" \1", target)


def _failed(report: Report) -> list[str]:
    """Return why targets have no file: a paragraph for each reason."""
    lines = []
    for reason, failed in report.failures.items():
        first, *rest = reason.splitlines()
        names = ", ".join(target.target for target in failed)
        lines.append(wrapped(f"! {names}: {first}", "  "))
        lines += [wrapped(f"    {line.strip()}", "      ") for line in rest]
    return lines + [wrapped(f"  {report.without_refused}", "  ")] * bool(report.without_refused)


def _by_breach(report: Report) -> dict[str, list[str]]:
    """Group targets by the sentence about what they exceed."""
    groups: dict[str, list[str]] = {}
    for target in report.targets:
        for breach in target.breaches:
            groups.setdefault(breach, []).append(target.target)
    return groups


def _captions(report: Report) -> list[str]:
    lines = [f"evaluation: {report.evaluation}"]
    lines += [*quality_lines(report), *tint_lines(report)]
    lines += [*report.measured_against, *agreement_lines(report)]
    lines += [*gpu_lines(report), *placement_lines(report), *builtin_kernel_lines(report)]
    lines += [*_counts(report), *memory_lines(report)]
    if report.device != "host":
        lines.insert(0, f"device: {report.device}; the references ran on this host")
    if report.calibration:
        lines.append(f"calibration: {report.calibration}")
    lines.extend(_apart(report))
    lines.extend(steps_text(scheme.scheme, scheme.steps) for scheme in report.schemes)
    lines.extend(
        f"{s.scheme}: {s.diagnosis.reason}" for s in report.schemes if s.diagnosis == ALL_INT8
    )
    lines.extend(_several_sizes(report))
    for place, targets in _by_place(report).items():
        lines.append(f"{place}: {', '.join(targets)}")
    lines.extend(_conditions(report))
    return [wrapped(line, "  ") for line in lines]


def steps_text(scheme: str, steps: Sequence[QuantizationStep]) -> str:
    """Return what each step of the quantizer gained, on patches that it did not learn from.

    A step that brought the image no nearer to the float one was taken back.
    """
    reached, parts = 0.0, list[str]()
    not_run: dict[str, list[str]] = {}
    for step in steps:
        if isinstance(step.psnr, Skipped):
            not_run.setdefault(step.psnr.reason, []).append(step.name)
            continue
        # Adding zero turns a rounded -0.0 into 0.0.
        gain = f"{round(step.psnr - reached, 1) + 0:+.1f}" if parts else f"{step.psnr:.1f} dB"
        parts.append(f"{step.name} {gain}" if step.kept else f"{step.name} {gain} (not kept)")
        reached = step.psnr if step.kept else reached
    skipped = "".join(f"; not run: {', '.join(s)} ({reason})" for reason, s in not_run.items())
    return f"{scheme}, on held-out calibration patches: {', '.join(parts)}{skipped}"


def _apart(report: Report) -> list[str]:
    """Return a line for every file within budget of which many values are levels off its graph."""
    lines = []
    for target in report.targets:
        found = target.conversion
        if found.within_1 >= MANY or target.breaches or isinstance(target.quantization, Skipped):
            continue
        lines.append(
            f"{target.target}: {figures.share(found.within_1)} of values within one level of the "
            "quantized graph; its format rounds elsewhere than the graph does. What that costs is "
            "in the dB of vs float and drop, and those are within budget"
        )
    return lines


def _several_sizes(report: Report) -> list[str]:
    """Return a line for every file that holds several sizes."""
    return [
        f"{target.target}: dB over the images at all of its sizes, "
        + ", ".join(f"{height}x{width}" for height, width in target.sizes)
        for target in report.targets
        if len(target.sizes) > 1
    ]


def _by_place(report: Report) -> dict[str, list[str]]:
    """Group targets by where they ran: a time is never shown without its place."""
    groups: dict[str, list[str]] = {}
    for target in report.targets:
        place = f"run by {target.runtime}"
        if isinstance(target.latency, Latency):
            place = f"timed by {timed_where(target.latency)}"
        groups.setdefault(place, []).append(_with_runs(target))
    return groups


def _counts(report: Report) -> list[str]:
    """Return what one call of each file takes, where the device counts that."""
    return [
        f"{target.target}: {counted(target.instructions)}"
        for target in report.targets
        if not isinstance(target.instructions, Skipped)
    ]


def counted(found: Instructions) -> str:
    """Return a count of instructions, and what it holds for, in words."""
    height, width = found.size
    return (
        f"{large_count(found.count)} instructions of a {found.processor} for one image of "
        f"{height}x{width}"
    )


def _with_runs(target: TargetReport) -> str:
    latency = target.latency
    if not isinstance(latency, Latency):
        return target.target
    return f"{target.target} ({latency.runs} runs after {latency.warm_up} to warm up)"


def _conditions(report: Report) -> list[str]:
    """Return a line for everything that times must not be read without, with its files.

    What disturbed the files in different ways is one line: `bench` is the command that says how.
    """
    groups: dict[str, list[str]] = {}
    timed = {t.target: t.latency for t in report.targets if isinstance(t.latency, Latency)}
    disturbances = {latency.conditions for latency in timed.values() if latency.disturbed}
    for target, latency in timed.items():
        said = DISTURBED if latency.disturbed and len(disturbances) > 1 else remark(latency)
        if said:
            groups.setdefault(said, []).append(target)
    return [f"{', '.join(targets)}: {said}" for said, targets in groups.items()]


def remark(latency: Latency) -> str:
    """Return what a time must not be read without: the conditions, unless all was quiet."""
    return "" if latency.conditions == QUIET else latency.conditions


def timed_where(latency: Latency) -> str:
    """Return runtime, shape, threads and device of a time, in words."""
    threads = count_of(latency.threads, "thread")
    return f"{latency.runtime}, {latency.size[0]}x{latency.size[1]}, {threads}, {latency.device}"


def _skipped(report: Report) -> list[str]:
    """Return one line for each reason, with what it kept from being measured."""
    reasons: dict[str, list[str]] = {}
    for target in report.targets:
        for column, value in (
            ("drop", target.drop), ("quantized", target.quantization), ("ms", target.latency),
            ("own kernels", target.builtin_kernels), ("GPU", target.gpu),
        ):  # fmt: skip
            if isinstance(value, Skipped) and value not in (NO_BUILTIN_KERNELS, NOT_ON_GPU):
                reasons.setdefault(f"{column}: {value.reason}", []).append(target.target)
    return [
        wrapped(f"  {reason} ({', '.join(targets)})", "    ") for reason, targets in reasons.items()
    ]
