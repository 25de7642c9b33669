"""The table of what operators take says what its figures hold for."""

from __future__ import annotations

from dataclasses import replace

from edge_imgq.bench.timing import NO_OPERATORS, Timing
from edge_imgq.report.operator_cost_table import operator_cost_table
from edge_imgq.report.timing_table import timing_table
from edge_imgq.skipped import Skipped
from tests.report.build import COSTS, ROWS


def test_rows_have_kernel_cycles_share_and_bytes() -> None:
    text = operator_cost_table("int8.tflite", COSTS)
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "int8.tflite at 180x320 on one cortex-a76, LiteRT 2.3.0" in text
    (row,) = (line for line in lines if line.startswith("CONV_2D"))
    assert row.split()[3:] == ["41.1", "M", "19.8", "M", "99.1%", "6.9", "MB", "8.2", "MB"]
    assert "qs8_qc8w_igemm_4x16c4__asm_aarch64_neondot_ld128" in text.replace("\n  ", "")
    (total,) = (line for line in lines if line.startswith("all"))
    assert total.split()[1:5] == ["41.1", "M", "20", "M"]
    assert "caches and memory are not in them (llvm-mca 22.1.8" in text.replace("\n  ", " ")
    assert "64 KB miss 7.2 MB, 256 KB miss 6.9 MB" in text.replace("\n  ", " ")
    assert " ms" not in text


def test_without_llvm_mca_the_share_is_of_instructions() -> None:
    rows = tuple(replace(row, cycles=None) for row in ROWS)
    absent = replace(COSTS, cycles=Skipped("cycles need llvm-mca 22"), operators=rows)
    assert absent.total_cycles is None
    text = operator_cost_table("int8.tflite", absent)
    (row,) = (line for line in text.splitlines() if line.startswith("CONV_2D"))
    assert row.split()[5:7] == ["—", "100.0%"]
    assert "no cycles: cycles need llvm-mca 22" in text


def test_bench_shows_the_table_or_why_there_is_none() -> None:
    none = Skipped("nothing")
    timing = Timing("a/b.tflite", "arm64", none, none, none, none, none)
    assert timing.operators == NO_OPERATORS
    assert "operators" not in timing_table([timing])
    uncounted = replace(timing, operators=Skipped("on one thread alone"))
    assert "operators not counted: on one thread alone" in timing_table([uncounted])
    assert "b.tflite at 180x320 on one" in timing_table([replace(timing, operators=COSTS)])
