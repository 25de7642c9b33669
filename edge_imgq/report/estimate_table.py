"""Text table of NPU time estimates, which are never shown beside measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_imgq.bench.estimate import AI_HUB, CHIPS, NpuTimeEstimate, compare
from edge_imgq.report.drawing import (
    byte_count,
    draw,
    large_count,
    milliseconds,
    new_table,
    wrapped,
)

WARNING = "ESTIMATE from a table of chips, for planning. Nothing was measured."


def estimate_table(
    estimates: Sequence[NpuTimeEstimate], chip: str, absent: Sequence[tuple[str, str]] = ()
) -> str:
    """Return a table of estimated NPU times in ms, and one of published times beside the formula.

    Both are text of at most 80 columns; the first line says that nothing was measured.

    Args:
        estimates: One estimate per row.
        chip: Key of `edge_imgq.bench.estimate.CHIPS`.
        absent: Names of files without an estimate, each with the reason.

    Raises:
        KeyError: There is no such chip.
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
    paragraphs = (wrapped(WARNING), draw(table), "\n".join(notes), _how_far_off(chip))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _how_far_off(chip: str) -> str:
    """Return a table of published and estimated times of the chip, and the sources."""
    table = new_table("network", ">MACs", ">published ms", ">estimated ms", ">ratio")
    for row in compare(chip):
        table.add_row(
            row.network,
            large_count(row.macs),
            milliseconds(row.published_ms),
            milliseconds(row.estimated_ms),
            f"{row.ratio:.2f}",
        )
    heading = f"The same formula on the {CHIPS[chip].name}, beside published times:"
    sources = wrapped(f"Published: {AI_HUB}. Memory: {CHIPS[chip].source}.", "  ")
    return f"{heading}\n\n{draw(table)}\n\n{sources}"
