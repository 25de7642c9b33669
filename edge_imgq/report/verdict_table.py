"""Verdicts as text."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.report.baseline import Verdict
from edge_imgq.report.drawing import draw, new_table, wrapped


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Return one row per target, and every reason below."""
    table = new_table("model", "target", "verdict")
    for verdict in verdicts:
        table.add_row(verdict.model, verdict.target, verdict.outcome)
    reasons = [
        wrapped(f"{verdict.model} {verdict.target}: {reason}", "  ")
        for verdict in verdicts
        for reason in verdict.reasons
    ]
    return "\n\n".join(part for part in (draw(table), "\n".join(reasons)) if part)
