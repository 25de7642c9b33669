"""Showing reports, and the exit code that they come to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_imgq.errors import DriftError

if TYPE_CHECKING:
    from edge_imgq.report.report import Report


def show_reports(reports: Sequence[Report], as_json: bool) -> int:
    """Print reports on stdout, and what exceeds its budget on stderr; return the exit code.

    JSON is one object for one report, and a list for several.
    """
    if as_json:
        from edge_imgq.report.json_form import reports_to_json

        print(reports_to_json(reports))
    else:
        from edge_imgq.report.table import report_table

        print("\n\n".join(report_table(report) for report in reports))
    exceeded = [breach for report in reports for breach in report.breaches]
    if not exceeded:
        return 0
    sys.stdout.flush()
    for breach in exceeded:
        print(f"edge-imgq: over budget: {breach}", file=sys.stderr)
    return DriftError.exit_code
