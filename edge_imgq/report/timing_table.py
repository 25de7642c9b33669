"""Text table of the times of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from edge_imgq.bench.timing import NO_OPERATORS, Timing
from edge_imgq.devices.arm64.operator_costs import OperatorCosts
from edge_imgq.devices.latency import Latency
from edge_imgq.report.drawing import (
    ABSENT,
    byte_count,
    draw,
    milliseconds,
    new_table,
    packed,
    wrapped,
)
from edge_imgq.report.format_metrics import tail
from edge_imgq.report.operator_cost_table import operator_cost_table
from edge_imgq.report.time_text import counted, remark, timed_where
from edge_imgq.skipped import Skipped

LEGEND = (
    "runs: counted, and before these to warm up; activations: alive at once, read from the file; "
    "process: grows by this at its peak (--memory)"
)

Saying = Callable[[Timing], str]
"""Function that returns a note on one row; "" for none."""


def timing_table(timings: Sequence[Timing]) -> str:
    """Return times of files as text: a row per file, notes on rows, and tables of operator costs.

    Times are in ms, memory is in kB or MB. Notes say where and how each was measured, and why not.
    """
    table = new_table("file", ">median ms", ">p90 ms", ">runs (before)", ">activations", ">process")
    folder = _common_folder(timings)
    for timing in timings:
        table.add_row(os.path.relpath(timing.file, folder), *_figures(timing))
    notes = [
        LEGEND,
        *([f"files of {folder}"] if folder != "." else []),
        *_grouped(timings, _place),
        *_grouped(timings, _conditions),
        *_grouped(timings, _pace),
        *_grouped(timings, _sustained),
        *_grouped(timings, _instructions),
        *_grouped(timings, _peak),
        *_grouped(timings, _reason),
        *_grouped(timings, _uncounted),
    ]
    said = "\n".join(wrapped(note, "  ") for note in notes)
    costs = [
        operator_cost_table(os.path.relpath(timing.file, folder), timing.operators)
        for timing in timings
        if isinstance(timing.operators, OperatorCosts)
    ]
    return "\n\n".join([draw(table), said, *costs]).rstrip()


def _figures(timing: Timing) -> tuple[str, ...]:
    latency, memory = timing.latency, timing.memory
    needs = ABSENT if isinstance(memory, Skipped) else byte_count(memory.bytes)
    if isinstance(latency, Skipped):
        return (ABSENT, ABSENT, ABSENT, needs, _process(timing))
    runs = f"{latency.runs} ({latency.warm_up})"
    times = (milliseconds(latency.median_ms), tail(latency), runs)
    return (*times, needs, _process(timing))


def _common_folder(timings: Sequence[Timing]) -> str:
    """Return the folder of all files, which rows omit; "." if there are several."""
    folders = {str(Path(timing.file).parent) for timing in timings}
    return folders.pop() if len(folders) == 1 else "."


def _grouped(timings: Sequence[Timing], said: Saying) -> Iterable[str]:
    """Yield each distinct note with the numbers of its rows."""
    groups: dict[str, list[int]] = {}
    for number, timing in enumerate(timings, 1):
        if words := said(timing):
            groups.setdefault(words, []).append(number)
    for words, numbers in groups.items():
        rows = ("row " if len(numbers) == 1 else "rows ") + ", ".join(map(str, numbers))
        yield f"{rows}: {words}"


def _place(timing: Timing) -> str:
    return "" if isinstance(timing.latency, Skipped) else timed_where(timing.latency)


def _conditions(timing: Timing) -> str:
    latency = timing.latency
    return remark(latency) if isinstance(latency, Latency) else ""


def _pace(timing: Timing) -> str:
    latency = timing.latency
    if isinstance(latency, Skipped) or isinstance(latency.loop_ms, Skipped):
        return ""
    return f"the fixed loop took {latency.loop_ms:.3f} ms at best"


def _process(timing: Timing) -> str:
    """Return the memory of the process, measured here or by the device's own tool."""
    latency = timing.latency
    if not isinstance(timing.footprint, Skipped):
        return byte_count(timing.footprint)
    if isinstance(latency, Latency) and not isinstance(latency.memory_mb, Skipped):
        return byte_count(round(latency.memory_mb * 2**20))
    return ABSENT


def _instructions(timing: Timing) -> str:
    instructions = timing.instructions
    return (
        ""
        if isinstance(instructions, Skipped)
        else f"{counted(instructions)}, {instructions.runtime}"
    )


def _reason(timing: Timing) -> str:
    return f"not timed: {timing.latency.reason}" if isinstance(timing.latency, Skipped) else ""


def _uncounted(timing: Timing) -> str:
    operators = timing.operators
    if isinstance(operators, OperatorCosts) or operators == NO_OPERATORS:
        return ""
    return f"operators not counted: {operators.reason}"


def _sustained(timing: Timing) -> str:
    sustained = timing.sustained
    if isinstance(sustained, Skipped):
        return ""
    first, last = (milliseconds(sustained.medians_ms[index]) for index in (0, -1))
    return (
        f"after {sustained.seconds:.0f} s {last} ms instead of {first} "
        f"(×{sustained.slowdown:.2f}); {sustained.conditions}"
    )


def _peak(timing: Timing) -> str:
    if isinstance(timing.memory, Skipped):
        return ""
    memory = timing.memory
    return f"most activations at {memory.operator}{packed(memory.bytes, memory.arena)}"
