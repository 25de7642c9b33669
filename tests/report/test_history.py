"""A history of times: what is kept, and that rows stand beside the first of their file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_imgq.bench.timing import Timing, not_timed
from edge_imgq.devices.instructions import Instructions
from edge_imgq.errors import UsageError
from edge_imgq.report.history import (
    drift_entries,
    history_table,
    read_history,
    timed_entries,
    write_history,
)
from edge_imgq.skipped import Skipped
from tests.report.build import LATENCY, REPORT

WHEN = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
NONE = Skipped("not asked for")


def timing(path: Path, median: float, **changes: object) -> Timing:
    latency = replace(LATENCY, median_ms=median, **changes)  # type: ignore[arg-type]
    return Timing(str(path), "host", latency, NONE, NONE, NONE, NONE)


def test_what_was_timed_is_kept_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.write_bytes(b"abc")
    rows = timed_entries([timing(file, 20.0), not_timed(file, "android", "no phone")], WHEN)
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
    lines = history_table(timed_entries([timing(file, 20.0), phone], WHEN)).splitlines()
    assert lines[0] == f"{tmp_path.name}/tflite-int8.tflite"
    first, second = (" ".join(line.split()) for line in lines[4:6])
    assert first == "2026-11-22 01:02 e3b0c4 [1] 20 1.00 — — —"  # SHA-256 of nothing
    assert second == "2026-11-22 01:02 e3b0c4 [2] 5 ? 0.25 — — —"
    assert any(line.startswith("[2] LiteRT") and "Pixel 9" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_drift_and_times_of_one_file_stand_together(tmp_path: Path) -> None:
    folder = tmp_path / "fsrcnn-x2"
    folder.mkdir()
    file = folder / "tflite-int8.tflite"
    file.touch()
    entries = (*drift_entries([REPORT], WHEN), *timed_entries([timing(file, 70.42)], WHEN))
    package, int8, timed = entries
    assert (package.file, package.median_ms, package.drop) == ("coreml-fp16.mlpackage", None, None)
    assert (int8.vs_float, int8.drop, int8.median_ms) == (46.7, 0.204, 35.21)
    assert timed.vs_float is None
    text = " ".join(history_table(entries).split())
    assert "35.2 1.00 46.7 0.204 —" in text
    assert "70.4 2.00 — — —" in text
    write_history(tmp_path / "history.jsonl", entries)
    assert read_history(tmp_path / "history.jsonl") == entries


def test_counts_of_instructions_stand_beside(tmp_path: Path) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.touch()
    counted = Instructions(54_540_000, (96, 96), "cortex-a76", "LiteRT 2.0.3 (XNNPACK)")
    row = replace(timing(file, 1.0), latency=NONE, instructions=counted, device="arm64")
    (entry,) = timed_entries([row], WHEN)
    assert (entry.device, entry.runtime) == ("arm64", "LiteRT 2.0.3 (XNNPACK)")
    assert "[1] — — — — 54.5 M" in " ".join(history_table([entry]).split())


@pytest.mark.parametrize("line", ["{", "[]", '{"when": "now"}'])
def test_a_line_that_is_none_of_ours_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "times.jsonl").write_text(line)
    with pytest.raises(UsageError, match=r"times.jsonl, line 1, is n"):
        read_history(tmp_path / "times.jsonl")
