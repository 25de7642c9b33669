"""A history of times: what is kept, and that rows stand beside the first of their file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_imgq.bench.timing import Timing, not_timed
from edge_imgq.devices.instructions import Instructions
from edge_imgq.errors import RecipeError
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
NONE = Skipped("not requested")


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
    phone = timing(file, 5.0, device="Pixel 9")
    lines = history_table(timed_entries([timing(file, 20.0), phone], WHEN)).splitlines()
    assert lines[0] == f"{tmp_path.name}/tflite-int8.tflite"
    first, second = (" ".join(line.split()) for line in lines[4:6])
    assert first == "2026-11-22 01:02 e3b0c4 [1] 20 1.00 1.00 — — —"  # SHA-256 of nothing
    assert second == "2026-11-22 01:02 e3b0c4 [2] 5 1.00 1.00 — — —"  # of its own place
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
    assert "35.2 1.00 1.00 46.7 0.204 —" in text
    assert "70.4 2.00 1.00 — — —" in text
    write_history(tmp_path / "history.jsonl", entries)
    assert read_history(tmp_path / "history.jsonl") == entries


@pytest.mark.parametrize(
    "other",
    [{"threads": 2}, {"size": (96, 96)}, {"device": "Pixel 9"}, {"delegate": "GPU"}],
)
def test_times_of_different_settings_are_never_divided(
    tmp_path: Path, other: dict[str, object]
) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.touch()
    rows = [timing(file, 20.0), timing(file, 5.0, **other), timing(file, 10.0, **other)]
    text = " ".join(history_table(timed_entries(rows, WHEN)).split())
    assert "20 1.00" in text
    assert "5 1.00" in text
    assert "10 2.00" in text


def test_times_stand_beside_the_first_quiet_one(tmp_path: Path) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.touch()
    rows = [timing(file, 40.0, disturbed=True), timing(file, 20.0), timing(file, 21.0)]
    text = " ".join(history_table(timed_entries(rows, WHEN)).split())
    assert "40 ? 2.00" in text
    assert "20 1.00" in text
    assert "21 1.05" in text


def test_without_a_quiet_run_no_time_is_divided(tmp_path: Path) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.touch()
    rows = [
        timing(file, 40.0, disturbed=True),
        timing(file, 5.0, threads=2, disturbed=True),
        timing(file, 6.0, threads=2),
    ]
    text = " ".join(history_table(timed_entries(rows, WHEN)).split())
    assert "40 ? — — — — —" in text
    assert "5 ? 0.83 1.00" in text


def test_a_file_whose_images_are_the_float_models_is_called_the_same() -> None:
    entry, *_ = drift_entries([REPORT], WHEN)
    rows = [replace(entry, vs_float=100.0), replace(entry, vs_float=99.97)]
    text = " ".join(history_table(rows).split())
    assert "— — — same — —" in text
    assert "— — — 99.9 — —" in text
    assert "100.0" not in text
    assert "instr.: instructions of the Arm core" in text


def test_a_run_at_another_pace_of_the_processor_is_marked(tmp_path: Path) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.touch()
    rows = [timing(file, 20.0), timing(file, 20.9, loop_ms=0.88), timing(file, 23.2, loop_ms=0.95)]
    text = " ".join(history_table(timed_entries(rows, WHEN)).split())
    assert "20.9 1.04 1.04" in text  # 0.88 / 0.85
    assert "23.2 1.16* 1.12" in text
    assert "*: the processor was slower or faster than then" in text


def test_a_history_of_an_older_edge_imgq_is_read(tmp_path: Path) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.touch()
    write_history(tmp_path / "h.jsonl", timed_entries([timing(file, 20.0)], WHEN))
    values = json.loads((tmp_path / "h.jsonl").read_text())
    del values["loop_ms"], values["delegate"]
    (tmp_path / "h.jsonl").write_text(json.dumps(values))
    (entry,) = read_history(tmp_path / "h.jsonl")
    assert (entry.median_ms, entry.loop_ms) == (20.0, None)
    assert "20 1.00 —" in " ".join(history_table([entry]).split())


def test_counts_of_instructions_stand_beside(tmp_path: Path) -> None:
    file = tmp_path / "tflite-int8.tflite"
    file.touch()
    counted = Instructions(54_540_000, (96, 96), "cortex-a76", "LiteRT 2.0.3 (XNNPACK)")
    row = replace(timing(file, 1.0), latency=NONE, instructions=counted, device="arm64")
    (entry,) = timed_entries([row], WHEN)
    assert (entry.device, entry.runtime) == ("arm64", "LiteRT 2.0.3 (XNNPACK)")
    assert "[1] — — — — — 54.5 M" in " ".join(history_table([entry]).split())


@pytest.mark.parametrize("line", ["{", "[]", '{"when": "now"}'])
def test_a_line_that_is_none_of_ours_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "times.jsonl").write_text(line)
    with pytest.raises(RecipeError, match=r"times.jsonl is not a history file: line 1 is n"):
        read_history(tmp_path / "times.jsonl")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{\n  "schema": 1\n}\n', "line 1 is not a whole object of JSON"),
        (b"\x1c\x00\xff\xfe", "it is not text"),
    ],
)
def test_a_file_that_is_no_history_is_called_so_with_what_writes_one(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(content)
    with pytest.raises(RecipeError) as refused:
        read_history(path)
    assert str(refused.value) == (
        f"{path} is not a history file: {reason}. `bench` and `verify` write one with --history."
    )
