"""Reports without ground truth, whose model quality `edge-imgq check` cannot judge."""

from __future__ import annotations

from collections.abc import Iterable

from edge_imgq.report.report import Report
from edge_imgq.skipped import Skipped


def has_truth(report: Report) -> bool:
    """Return True if any target, and thereby the float model, was compared with ground truth."""
    return not all(isinstance(target.drop, Skipped) for target in report.targets)


def without_truth(reports: Iterable[Report]) -> tuple[str, ...]:
    """Return a sentence per report that has targets but no PSNR against ground truth.

    It says that quality is not judged, and how to give ground truth.
    """
    return tuple(
        f"{report.model}: not gated: quality against the truth; give pairs with --images DIR"
        for report in reports
        if report.targets and not has_truth(report)
    )
