"""Text table of the findings of `edge-imgq doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.report.drawing import draw, new_table, wrapped
from edge_imgq.report.finding import Finding


def finding_table(findings: Sequence[Finding]) -> str:
    """Return a table of findings (what, state, found), and below it their advice.

    Both are in the order of the findings, in lines of at most 80 columns. No findings give a table
    of headings only.
    """
    table = new_table("what", "state", "found")
    for finding in findings:
        table.add_row(finding.what, finding.state, finding.detail)
    advice = [
        wrapped(f"{finding.what}: {line}", "  ")
        for finding in findings
        for line in finding.advice.splitlines()
    ]
    return "\n\n".join(paragraph for paragraph in (draw(table), "\n".join(advice)) if paragraph)
