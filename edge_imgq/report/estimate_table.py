"""Estimates as text: never in one table with measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_imgq.bench.estimate import Estimate
from edge_imgq.report.drawing import (
    byte_count,
    draw,
    large_count,
    milliseconds,
    new_table,
    wrapped,
)

WARNING = (
    "ESTIMATE from a table of chips, for planning. Nothing was measured: against published times "
    "of QuickSRNet the same formula is between 0.76 and 1.37 times the measured one."
)


def estimate_table(estimates: Sequence[Estimate], absent: Sequence[tuple[str, str]] = ()) -> str:
    """Return estimates as text.

    Args:
        estimates: one row each.
        absent: files without one, and why.
    """
    table = new_table("file", "chip", ">estimated ms", ">MACs", ">moved", "mostly")
    for row in estimates:
        table.add_row(
            Path(row.file).name,
            row.chip,
            milliseconds(row.estimated_ms),
            large_count(row.macs),
            byte_count(row.bytes),
            row.bound,
        )
    notes = [wrapped(f"— {file}: {reason}", "  ") for file, reason in absent]
    return "\n\n".join(part for part in (wrapped(WARNING), draw(table), "\n".join(notes)) if part)
