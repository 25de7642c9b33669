"""History of times and drift over runs, devices and versions, as JSON Lines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_imgq.artifact import sha256_of, write_text
from edge_imgq.bench.timing import Timing
from edge_imgq.devices.latency import Latency
from edge_imgq.errors import RecipeError
from edge_imgq.report.drawing import ABSENT, draw, large_count, milliseconds, new_table, wrapped
from edge_imgq.report.format_metrics import decibels
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.skipped import Skipped
from edge_imgq.version import __version__

DIGITS = 12
"""Stored digits of a file's SHA-256."""

SAME_SPEED = 0.05
"""Largest relative difference of the reference loop at which two times are comparable."""

LEGEND = (
    "sha256: of the file, its first digits; ms: median; ×first: beside the first quiet run of the "
    "same device, delegate, threads and size; ×loop: a fixed loop beside both; dB as in verify; "
    "instr.: instructions of the Arm core for one image, where they were counted"
)


@dataclass(frozen=True)
class HistoryEntry:
    """One file in one run; values that the run did not measure are None.

    Attributes:
        when: Date and time, ISO 8601, UTC.
        version: Version of edge-imgq.
        model: Name of the file's folder.
        file: File name.
        sha256: First digits of the file's SHA-256.
        device: Description of the machine, or its command-line name if nothing was timed.
        runtime: Runtime, its version and delegate.
        threads: Processor threads; None if nothing was timed.
        size: Timed input size, e.g. "180x320"; None if nothing was timed.
        delegate: Delegate that executed the operators; empty if there is no choice.
        median_ms: Median time of one call, in ms.
        loop_ms: Fastest time of a fixed loop beside the runs, in ms; None if there was none
            (`edge_imgq.devices.cpu_speed`).
        instructions: Instruction count of one call.
        vs_float: Mean PSNR against the float model, in dB.
        drop: Mean PSNR drop against ground truth, in dB.
        images: Description of the images on which drift was measured.
        conditions: Conditions of the time measurement, as in `Latency`.
        disturbed: Whether other load disturbed it, as in `Latency`.
    """

    when: str
    version: str
    model: str
    file: str
    sha256: str
    device: str
    runtime: str
    threads: int | None = None
    size: str | None = None
    delegate: str = ""
    median_ms: float | None = None
    loop_ms: float | None = None
    instructions: int | None = None
    vs_float: float | None = None
    drop: float | None = None
    images: str | None = None
    conditions: str = ""
    disturbed: bool = False


def timed_entries(timings: Sequence[Timing], when: datetime) -> tuple[HistoryEntry, ...]:
    """Return an entry per file that was timed or whose instructions were counted.

    Every file is read for its digest.

    Args:
        timings: Times of the files.
        when: Time of the run in UTC; entries have whole seconds.

    Raises:
        OSError: a file is no longer there.
    """
    return tuple(_timed(timing, when) for timing in timings if _is_measured(timing))


def drift_entries(reports: Sequence[Report], when: datetime) -> tuple[HistoryEntry, ...]:
    """Return an entry per measured file of the reports, with its drift and, if timed, its time.

    Args:
        reports: Reports on the files.
        when: Time of the run in UTC; entries have whole seconds.
    """
    return tuple(_verified(report, target, when) for report in reports for target in report.targets)


def read_history(path: Path) -> tuple[HistoryEntry, ...]:
    """Read a history file, JSON Lines, in file order; () if it does not exist.

    Values are not checked for their types.

    Raises:
        RecipeError: It is not UTF-8, or a line is not JSON, or has a key too many or too few.
    """
    if not path.exists():
        return ()
    entries = []
    fields = dataclasses.fields(HistoryEntry)
    names = {field.name for field in fields}
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise _not_a_history(path, "it is not text") from error
    for number, line in enumerate(lines, 1):
        try:
            values = json.loads(line)
        except ValueError as error:
            raise _not_a_history(path, f"line {number} is not a whole object of JSON") from error
        if not isinstance(values, dict) or not needed <= set(values) <= names:
            raise _not_a_history(path, f"line {number} is not an entry of a history")
        entries.append(HistoryEntry(**values))
    return tuple(entries)


def _not_a_history(path: Path, reason: str) -> RecipeError:
    return RecipeError(
        f"{path} is not a history file: {reason}. `bench` and `verify` write one with --history."
    )


def write_history(path: Path, entries: Sequence[HistoryEntry]) -> None:
    """Write entries as a history file, JSON Lines, atomically.

    An existing file is replaced: pass its entries too.

    Raises:
        OutputError: The file cannot be written.
    """
    lines = (json.dumps(dataclasses.asdict(entry), ensure_ascii=False) for entry in entries)
    write_text(path, "".join(f"{line}\n" for line in lines))


def history_table(entries: Sequence[HistoryEntry]) -> str:
    """Return a table per file as text, a row per run in the order of the entries.

    Times are medians in ms, and multiples of the first undisturbed one of the same device,
    delegate, threads and size; those measured at another processor speed are marked "*", disturbed
    ones "?". PSNR and drop are in dB. Notes say how each was measured.
    """
    setups: dict[tuple[str, ...], int] = {}
    tables = [
        f"{group[0].model}/{group[0].file}\n\n{_table(group, setups)}" for group in by_file(entries)
    ]
    notes = [wrapped(f"[{number}] {', '.join(words)}", "  ") for words, number in setups.items()]
    notes.append(wrapped(LEGEND, "  "))
    if any(entry.disturbed for entry in entries):
        notes.append("?: the machine was not quiet; do not compare")
    if any("*" in table for table in tables):
        notes.append("*: the processor was slower or faster than then; do not compare")
    return "\n\n".join([*tables, "\n".join(notes)])


def _table(group: Sequence[HistoryEntry], setups: dict[tuple[str, ...], int]) -> str:
    """Return the table of one file; each new measuring setup is numbered in `setups`."""
    columns = (">ms", ">×first", ">×loop", ">vs float", ">drop", ">instr.")
    table = new_table("when", "sha256", "where", *columns)
    firsts = _firsts(group)
    for entry in group:
        number = setups.setdefault(_setup(entry), len(setups) + 1)
        count = entry.instructions
        table.add_row(
            entry.when[:16].replace("T", " "),
            entry.sha256[:6],
            f"[{number}]",
            *_time(entry, firsts.get(_setting(entry))),
            ABSENT if entry.vs_float is None else decibels(entry.vs_float),
            _loss(entry.drop),
            ABSENT if count is None else large_count(count),
        )
    return draw(table)


def _firsts(group: Sequence[HistoryEntry]) -> dict[tuple[object, ...], HistoryEntry]:
    """Return the first undisturbed entry by setting."""
    firsts: dict[tuple[object, ...], HistoryEntry] = {}
    for entry in group:
        if entry.median_ms is not None and not entry.disturbed:
            firsts.setdefault(_setting(entry), entry)
    return firsts


def _setting(entry: HistoryEntry) -> tuple[object, ...]:
    """Return the setting that comparable times share; versions may differ."""
    return (entry.device, entry.delegate, entry.threads, entry.size)


def _is_measured(timing: Timing) -> bool:
    return isinstance(timing.latency, Latency) or not isinstance(timing.instructions, Skipped)


def _timed(timing: Timing, when: datetime) -> HistoryEntry:
    path, counted = Path(timing.file), timing.instructions
    entry = HistoryEntry(
        when=when.isoformat(timespec="seconds"),
        version=__version__,
        model=path.absolute().parent.name,
        file=path.name,
        sha256=sha256_of(path)[:DIGITS],
        device=timing.device,
        runtime="" if isinstance(counted, Skipped) else counted.runtime,
        instructions=None if isinstance(counted, Skipped) else counted.count,
    )
    return _with_time(entry, timing.latency)


def _verified(report: Report, target: TargetReport, when: datetime) -> HistoryEntry:
    counted, drop = target.instructions, target.drop
    entry = HistoryEntry(
        when=when.isoformat(timespec="seconds"),
        version=__version__,
        model=report.model,
        file=Path(target.file).name,
        sha256=target.sha256[:DIGITS],
        device=report.device,
        runtime=target.runtime,
        instructions=None if isinstance(counted, Skipped) else counted.count,
        vs_float=target.vs_reference.mean,
        drop=None if isinstance(drop, Skipped) else drop.mean,
        images=report.evaluation,
    )
    return _with_time(entry, target.latency)


def _with_time(entry: HistoryEntry, latency: Latency | Skipped) -> HistoryEntry:
    if isinstance(latency, Skipped):
        return entry
    return dataclasses.replace(
        entry,
        device=latency.device,
        runtime=latency.runtime,
        threads=latency.threads,
        size=f"{latency.size[0]}x{latency.size[1]}",
        delegate=latency.delegate,
        median_ms=latency.median_ms,
        loop_ms=None if isinstance(latency.loop_ms, Skipped) else latency.loop_ms,
        conditions=latency.conditions,
        disturbed=latency.disturbed,
    )


def by_file(entries: Sequence[HistoryEntry]) -> Iterable[list[HistoryEntry]]:
    """Group entries by model and file name, in order of first occurrence."""
    groups: dict[tuple[str, str], list[HistoryEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.model, entry.file), []).append(entry)
    return groups.values()


def _setup(entry: HistoryEntry) -> tuple[str, ...]:
    """Return the runtime, size, threads, device, version and images of an entry."""
    threads = () if entry.threads is None else (f"threads {entry.threads}",)
    size = () if entry.size is None else (entry.size,)
    images = () if entry.images is None else (f"dB over {entry.images}",)
    version = f"edge-imgq {entry.version}"
    return (entry.runtime, *size, *threads, entry.device, version, *images)


def _time(entry: HistoryEntry, first: HistoryEntry | None) -> tuple[str, str, str]:
    """Return the time, its ratio to the first time, and the ratio of the reference loops."""
    if entry.median_ms is None:
        return ABSENT, ABSENT, ABSENT
    shown = milliseconds(entry.median_ms) + (" ?" if entry.disturbed else "")
    if first is None or first.median_ms is None:
        return shown, ABSENT, ABSENT
    ratio, loops = f"{entry.median_ms / first.median_ms:.2f}", ABSENT
    if entry.loop_ms and first.loop_ms:
        slower = entry.loop_ms / first.loop_ms
        loops = f"{slower:.2f}"
        ratio += "*" if abs(slower - 1) > SAME_SPEED else ""
    return shown, ratio, loops


def _loss(value: float | None) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    return ABSENT if value is None else f"{round(value, 3) + 0:.3f}"
