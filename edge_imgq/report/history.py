"""Times of earlier runs, an object of JSON a line: devices and versions side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_imgq import __version__
from edge_imgq.artifact import sha256_of, write_text
from edge_imgq.bench.timing import Timing
from edge_imgq.errors import UsageError
from edge_imgq.report.drawing import draw, milliseconds, new_table, wrapped
from edge_imgq.skipped import Skipped

DIGITS = 12
"""Of a file's SHA-256 that a line keeps."""


@dataclass(frozen=True)
class Entry:
    """One file's time in one run.

    Attributes:
        when: date and time, ISO 8601, UTC.
        version: of edge-imgq.
        file: its name.
        sha256: its digest, shortened.
        device: the machine in words.
        runtime: runtime, version and delegate.
        threads: processor threads.
        size: height and width of the input, e.g. "180x320".
        median_ms: over the runs.
        conditions: as the latency's.
        disturbed: as the latency's.
    """

    when: str
    version: str
    file: str
    sha256: str
    device: str
    runtime: str
    threads: int
    size: str
    median_ms: float
    conditions: str
    disturbed: bool


def entries_of(timings: Sequence[Timing], when: datetime) -> tuple[Entry, ...]:
    """Return an entry for every file that was timed."""
    found = []
    for timing in timings:
        latency = timing.latency
        if isinstance(latency, Skipped):
            continue
        found.append(
            Entry(
                when=when.isoformat(timespec="seconds"),
                version=__version__,
                file=Path(timing.file).name,
                sha256=sha256_of(Path(timing.file))[:DIGITS],
                device=latency.device,
                runtime=latency.runtime,
                threads=latency.threads,
                size=f"{latency.size[0]}x{latency.size[1]}",
                median_ms=latency.median_ms,
                conditions=latency.conditions,
                disturbed=latency.disturbed,
            )
        )
    return tuple(found)


def read_history(path: Path) -> tuple[Entry, ...]:
    """Return the entries of a history, oldest first; none where there is no file.

    Raises:
        UsageError: a line is not one that edge-imgq wrote.
    """
    if not path.exists():
        return ()
    found = []
    names = {field.name for field in dataclasses.fields(Entry)}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            values = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}, line {number}, is not JSON: {error}.") from error
        if not isinstance(values, dict) or set(values) != names:
            raise UsageError(f"{path}, line {number}, is no entry of a history of edge-imgq.")
        found.append(Entry(**values))
    return tuple(found)


def write_history(path: Path, entries: Sequence[Entry]) -> None:
    """Write a history, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    lines = (json.dumps(dataclasses.asdict(entry), ensure_ascii=False) for entry in entries)
    write_text(path, "".join(f"{line}\n" for line in lines))


def history_table(entries: Sequence[Entry]) -> str:
    """Return all entries, those of one file and size together, each beside the first of them."""
    table = new_table("file", "when", "where", ">median ms", ">×first")
    groups: dict[tuple[str, str], list[Entry]] = {}
    places: dict[tuple[str, ...], int] = {}
    for entry in entries:
        groups.setdefault((entry.file, entry.size), []).append(entry)
    for (file, size), group in groups.items():
        for entry in group:
            where = (entry.device, entry.runtime, str(entry.threads), entry.version)
            number = places.setdefault(where, len(places) + 1)
            table.add_row(
                f"{file} {size}" if entry is group[0] else "",
                entry.when[:16].replace("T", " "),
                f"[{number}]",
                milliseconds(entry.median_ms) + (" ?" if entry.disturbed else ""),
                f"{entry.median_ms / group[0].median_ms:.2f}",
            )
    notes = [
        wrapped(f"[{number}] {runtime}, threads {threads}, {device}, edge-imgq {version}", "  ")
        for (device, runtime, threads, version), number in places.items()
    ]
    return "\n\n".join([draw(table), "\n".join([*notes, "?: disturbed; do not compare"]).rstrip()])
