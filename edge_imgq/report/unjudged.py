"""What no check judged: the quality of models that were measured without pairs of images."""

from __future__ import annotations

from collections.abc import Iterable

from edge_imgq.report.report import Report
from edge_imgq.skipped import Skipped


def has_truth(report: Report) -> bool:
    """Return whether any target was compared with the truth, and so the float model was, too."""
    return not all(isinstance(target.drop, Skipped) for target in report.targets)


def without_truth(reports: Iterable[Report]) -> tuple[str, ...]:
    """Return a sentence for each report that has no PSNR against the truth."""
    return tuple(
        f"{report.model}: not gated: quality against the truth; give pairs with --images DIR"
        for report in reports
        if report.targets and not has_truth(report)
    )
