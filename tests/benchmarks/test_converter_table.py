"""The table says who is faster, what does not count and why, in 80 columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.converter_table import Entry, Run, merged, read_run, table, write_run
from benchmarks.files import FileFacts
from benchmarks.peer_table import PEERS


def facts(psnr: float = 60.0) -> FileFacts:
    return FileFacts({"CONV_2D": 3, "PRELU": 1}, 3, 2, {"PRELU": 1}, psnr, psnr - 1, 1000)


RUN = Run(
    machine="host: a machine",
    runtime="LiteRT",
    date="2026-11-22",
    rounds=20,
    versions={"tensorflow": "2.21.0", "onnx2tf": "2.6.9", "onnxsim": "0.8.1"},
    entries=(
        Entry("net", "edge-imgq", "float", 10.0, facts()),
        Entry("net", "tensorflow", "float", 25.0, facts()),
        Entry("net", "onnx2tf", "float", 1.0, facts(8.4), "wrong image: 8.4 dB"),
        Entry("net", "onnxsim", "float", reason="refuses " + "a very long word " * 9),
    ),
)


def row(text: str, start: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(start)).split()


def test_times_of_others_are_multiples_of_ours() -> None:
    assert row(table(RUN), "net") == ["net", "10.0", "2.50", "[1]", "[2]", "2.50"]


def test_a_file_with_a_wrong_image_is_not_the_fastest() -> None:
    assert "[1] onnx2tf net float: wrong image: 8.4 dB" in table(RUN)


def test_no_line_is_wider_than_a_page() -> None:
    entries = tuple(replace(entry, precision="int8") for entry in RUN.entries)
    wide = replace(RUN, versions=dict.fromkeys(PEERS, "1.0"), entries=RUN.entries + entries)
    assert max(map(len, table(wide).splitlines())) <= 80


def test_a_run_is_read_back_as_it_was(tmp_path: Path) -> None:
    write_run(RUN, tmp_path / "run.json")
    assert read_run(tmp_path / "run.json") == RUN


def test_of_two_runs_of_one_network_the_later_counts() -> None:
    later = Run(**{**vars(RUN), "entries": (Entry("net", "edge-imgq", "float", 5.0, facts()),)})
    assert row(table(merged([RUN, later])), "net")[1] == "5.0"
