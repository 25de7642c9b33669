"""Times of files as text."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.bench.timing import Timing
from edge_imgq.devices.latency import Latency
from edge_imgq.report.drawing import ABSENT, draw, milliseconds, new_table, wrapped
from edge_imgq.report.table import remark, tail, timed_where


def timing_table(timings: Sequence[Timing]) -> str:
    """Return times as text; where each was taken stands below."""
    table = new_table("file", ">median ms", ">p90 ms", ">runs")
    places: dict[str, list[int]] = {}
    notes = []
    for number, timing in enumerate(timings, 1):
        latency = timing.latency
        if isinstance(latency, Latency):
            table.add_row(
                timing.file, milliseconds(latency.median_ms), tail(latency), str(latency.runs)
            )
            if remarked := remark(latency):
                notes.append(wrapped(f"{timing.file}{remarked}", "  "))
            places.setdefault(timed_where(latency), []).append(number)
        else:
            table.add_row(timing.file, ABSENT, ABSENT, ABSENT)
            notes.append(wrapped(f"{ABSENT} {timing.file}: {latency.reason}", "  "))
    captions = [wrapped(f"{_rows(numbers)}: {place}", "  ") for place, numbers in places.items()]
    return "\n\n".join(part for part in (draw(table), "\n".join([*captions, *notes])) if part)


def _rows(numbers: Sequence[int]) -> str:
    return ("row " if len(numbers) == 1 else "rows ") + ", ".join(map(str, numbers))
