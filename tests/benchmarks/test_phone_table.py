"""The table of phones' cores shows others in multiples of ours, and what ours is behind in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.peer_table import PEERS
from benchmarks.phone_table import (
    Cost,
    PhoneEntry,
    PhoneRun,
    behind,
    merged_phone_runs,
    phone_table,
    read_phone_run,
    write_phone_run,
)

CORE = "cortex-a76"


def entry(maker: str, precision: str, cycles: int | None, memory: int = 10**7) -> PhoneEntry:
    return PhoneEntry("net", maker, precision, CORE, Cost(4 * 10**8, cycles, memory, "a kernel"))


RUN = PhoneRun(
    runtime="LiteRT",
    estimated={CORE: "cycles by llvm-mca 22.1.8, tables of Neoverse N1"},
    versions={"tensorflow": "2.21.0", "onnx2tf": "2.6.9"},
    entries=(
        entry("edge-imgq", "float", 200_000_000),
        entry("tensorflow", "float", 190_000_000),
        entry("onnx2tf", "float", 500_000_000, 2 * 10**7),
        entry("edge-imgq", "int8", 100_000_000),
        PhoneEntry("net", "tensorflow", "int8", CORE, reason="refuses " + "a long word " * 12),
    ),
)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.startswith("net ")]


def test_others_are_multiples_of_ours_in_cycles_and_in_bytes() -> None:
    assert rows(phone_table(RUN)) == [
        ["net", "200.0", "10", "0.95", "2.50", "1.00"],
        ["net", "100.0", "10", "—", "—", "—"],
    ]


def test_without_cycles_instructions_are_compared() -> None:
    entries = tuple(
        replace(e, cost=replace(e.cost, cycles=None)) if e.cost else e for e in RUN.entries
    )
    assert rows(phone_table(replace(RUN, entries=entries)))[0][1:4] == ["400.0", "10", "1.00"]


def test_no_line_is_wider_than_a_page() -> None:
    wide = replace(RUN, versions=dict.fromkeys(PEERS, "1.0"))
    assert max(map(len, phone_table(wide).splitlines())) <= 80


def test_files_behind_the_best_other_are_named() -> None:
    assert behind(RUN, 1.0) == ["net float on cortex-a76: 1.053 times the best other file"]
    assert behind(RUN, 1.06) == []


def test_a_run_is_read_back_as_it_was_and_the_later_of_two_counts(tmp_path: Path) -> None:
    write_phone_run(RUN, tmp_path / "run.json")
    assert read_phone_run(tmp_path / "run.json") == RUN
    later = replace(RUN, entries=(entry("edge-imgq", "float", 1_000_000),))
    assert rows(phone_table(merged_phone_runs([RUN, later])))[0][1] == "1.0"
