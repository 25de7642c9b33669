"""One line per file: PASS or FAIL, quality loss, size and time."""

from __future__ import annotations

from edge_imgq.devices.latency import Latency
from edge_imgq.report import format_metrics
from edge_imgq.report.drawing import byte_count, draw, milliseconds, plain_columns
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.skipped import Skipped


def verdict_lines(report: Report) -> str:
    """Return one line per file: PASS or FAIL, quality loss in dB, size, and median time in ms.

    "PASS" and "FAIL" refer to the budget of the file's recipe; without one it is "no budget". Files
    that were not written or did not run have lines, too. At most 80 columns.
    """
    lines = plain_columns(4)
    for target in report.targets:
        lines.add_row(target.target, _outcome(target), _quality(target), _cost(target))
    for failed in report.failed:
        lines.add_row(failed.target, "NO FILE", "not written", "")
    for words, files in report.unmeasured.items():
        for file in files:
            lines.add_row(file.file, "NOT RUN", words, "")
    return draw(lines)


def _outcome(target: TargetReport) -> str:
    if target.breaches:
        return "FAIL"
    return "no budget" if target.budget is None else "PASS"


def _quality(target: TargetReport) -> str:
    """Return the PSNR drop against ground truth or, without truth, PSNR against the float model."""
    if isinstance(target.drop, Skipped):
        fidelity = target.vs_reference
        mean, worst = (
            format_metrics.decibels(fidelity.mean),
            format_metrics.decibels(fidelity.worst),
        )
        if mean == worst == "same":
            return "same as float"
        return f"{mean} dB to float (worst {worst})"
    mean, worst = format_metrics.drop(target.drop).split("/")
    return f"{mean} dB lost (worst {worst})"


def _cost(target: TargetReport) -> str:
    """Return the file size and, if it was timed, the median time of one call."""
    size = byte_count(target.bytes)
    if isinstance(target.latency, Latency):
        return f"{size}  {milliseconds(target.latency.median_ms)} ms"
    return size
