"""A history of times: what is kept, and that rows stand beside the first of their file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_imgq.bench.timing import Timing, not_timed
from edge_imgq.errors import UsageError
from edge_imgq.report.history import entries_of, history_table, read_history, write_history
from edge_imgq.skipped import Skipped
from tests.report.build import LATENCY

WHEN = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
NONE = Skipped("not asked for")


def timing(path: Path, median: float, **changes: object) -> Timing:
    latency = replace(LATENCY, median_ms=median, **changes)  # type: ignore[arg-type]
    return Timing(str(path), "host", latency, NONE, NONE, NONE, NONE)


def test_what_was_timed_is_kept_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.write_bytes(b"abc")
    rows = entries_of([timing(file, 20.0), not_timed(file, "android", "no phone")], WHEN)
    assert [entry.median_ms for entry in rows] == [20.0]
    assert rows[0].sha256 == "ba7816bf8f01"  # SHA-256 of "abc", FIPS 180-2
    write_history(tmp_path / "times.jsonl", rows)
    write_history(tmp_path / "times.jsonl", (*read_history(tmp_path / "times.jsonl"), *rows))
    assert read_history(tmp_path / "times.jsonl") == rows * 2
    assert read_history(tmp_path / "none.jsonl") == ()


def test_rows_of_one_file_stand_beside_its_first(tmp_path: Path) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.touch()
    phone = timing(file, 5.0, device="Pixel 9", conditions="thermal severe", disturbed=True)
    lines = history_table(entries_of([timing(file, 20.0), phone], WHEN)).splitlines()
    assert lines[2].split() == [
        "tflite-int8.tflite",
        "180x320",
        "2026-11-22",
        "01:02",
        "[1]",
        "20",
        "1.00",
    ]
    assert lines[3].split() == ["2026-11-22", "01:02", "[2]", "5", "?", "0.25"]
    assert any(line.startswith("[2] LiteRT") and "Pixel 9" in line for line in lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("line", ["{", "[]", '{"when": "now"}'])
def test_a_line_that_is_none_of_ours_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "times.jsonl").write_text(line)
    with pytest.raises(UsageError, match=r"times.jsonl, line 1, is n"):
        read_history(tmp_path / "times.jsonl")
