"""The verdict on a file is its first line, and says what a person decides by."""

from __future__ import annotations

from dataclasses import replace

from edge_imgq.recipe.export import Budget
from edge_imgq.report.report import Failed, NotRun, Report
from edge_imgq.report.report_table import report_table
from edge_imgq.report.verdict_lines import verdict_lines
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Fidelity
from tests.report.build import REPORT, with_target

BUDGET = Budget(0.3, 0.6, 40.0)


def line(report: Report, name: str) -> list[str]:
    (found,) = [text for text in verdict_lines(report).splitlines() if text.startswith(name)]
    return found.split("  ")


def words(report: Report, name: str) -> str:
    return " ".join(part.strip() for part in line(report, name) if part.strip())


def test_a_file_within_budget_passes_with_quality_size_and_time() -> None:
    report = with_target(budget=BUDGET)
    said = "tflite-int8 PASS 0.204 dB lost (worst 0.561) 55 kB 35.2 ms"
    assert words(report, "tflite-int8") == said


def test_a_file_over_budget_fails_and_one_without_a_budget_does_neither() -> None:
    over = with_target(budget=BUDGET, breaches=("loses 0.9 dB",))
    assert words(over, "tflite-int8").startswith("tflite-int8 FAIL ")
    assert words(with_target(budget=None), "tflite-int8").startswith("tflite-int8 no budget ")


def test_without_a_truth_the_distance_to_the_float_model_stands_instead() -> None:
    report = with_target(budget=BUDGET, drop=Skipped("there is no truth"))
    assert "PASS 46.7 dB to float (worst 44.8) 55 kB" in words(report, "tflite-int8")
    same = with_target(drop=Skipped("no truth"), vs_reference=Fidelity(100.0, 100.0, "a"))
    assert "same as float" in words(same, "tflite-int8")


def test_a_file_that_was_not_timed_has_no_time() -> None:
    report = with_target(budget=BUDGET, latency=Skipped("not timed"))
    assert words(report, "tflite-int8").endswith("55 kB")


def test_what_was_not_written_or_not_run_never_passes() -> None:
    failed = Failed("tflite-gpu", "cannot express GridSample", 6)
    lost = NotRun("coreml-int8.mlpackage", "Core ML runs on macOS", 0)
    report = replace(REPORT, failed=(failed,), not_run=(lost,))
    assert words(report, "tflite-gpu") == "tflite-gpu NO FILE not written"
    assert words(report, "coreml-int8.mlpackage") == "coreml-int8.mlpackage NOT RUN not run on host"


def test_verdicts_stand_before_all_figures() -> None:
    first = report_table(REPORT).split("\n\n")[1]
    assert first == verdict_lines(REPORT)
