"""The table: narrow enough for any terminal, and nothing in it reads better than it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.error_model.level_gain import LevelGain
from edge_imgq.recipe.export import Budget
from edge_imgq.report.format_metrics import decibels
from edge_imgq.report.json_form import report_from_dict, report_to_dict
from edge_imgq.report.report import Failed, NotRun, Report
from edge_imgq.report.report_table import report_table
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Agreement, BuiltinKernels, Conversion, Drop, Fidelity
from edge_imgq.verify.mean_error import MeanError
from tests.report.build import INT8, LATENCY, REPORT, explained, said, with_target


def row(report: Report, target: str) -> list[str]:
    """Return the words of a file's row in the table; its verdict stands above."""
    lines = [line for line in report_table(report).splitlines() if line.startswith(target + " ")]
    return lines[-1].split()


WIDEST = with_target(
    target="tflite-int8-for-tablets-of-2027",
    bytes=123_456_789,
    vs_reference=Fidelity(99.94, 12.34, "a"),
    drop=Drop(-12.345, 23.456, "a", 30.0, 31.5),
    quantization=Fidelity(99.94, 12.34, "a"),
    conversion=Conversion(0.1, 0.123456, 255),
    latency=replace(LATENCY, median_ms=12345.6, p90_ms=23456.7),
    breaches=("loses far more than the budget allows, in a sentence of some length " * 3,),
)


@pytest.mark.parametrize("report", [REPORT, WIDEST], ids=["usual", "widest"])
def test_no_line_is_wider_than_80_columns(report: Report) -> None:
    assert max(map(len, report_table(report, explain=True).splitlines())) <= 80


def test_a_row_shows_every_figure() -> None:
    assert row(REPORT, "tflite-int8") == [
        "tflite-int8",
        "55",
        "kB",
        "46.7/44.8",
        "0.204/0.561",
        "46.9/44.9",
        "99.99%",
        "2",
        "35.2/36",
    ]


def test_a_skipped_value_is_a_dash_with_its_reason_and_target_below() -> None:
    text = report_table(REPORT)
    assert row(REPORT, "coreml-fp16").count("—") == 3
    assert "drop: there is no truth (coreml-fp16)" in text
    assert "ms: the reference evaluator checks values (coreml-fp16)" in text


def test_a_share_just_below_one_never_reads_100_percent() -> None:
    almost = with_target(conversion=Conversion(0.99, 0.9999999, 2))
    assert "99.99%" in row(almost, "tflite-int8")
    whole = with_target(conversion=Conversion(1.0, 1.0, 0))
    assert "100%" in row(whole, "tflite-int8")


def test_identical_images_read_same_and_a_tiny_gain_is_no_minus_zero() -> None:
    same = with_target(
        vs_reference=Fidelity(100.0, 100.0, "a"), drop=Drop(-0.00001, 0.0, "a", 30.0, 31.5)
    )
    assert "same/same" in row(same, "tflite-int8")
    assert "0.000/0.000" in row(same, "tflite-int8")


def test_what_is_not_the_same_reads_less_than_100_db() -> None:
    near = with_target(vs_reference=Fidelity(99.97, 99.95, "a"))
    assert "99.9/99.9" in row(near, "tflite-int8")
    assert [decibels(value, 2) for value in (99.996, 99.98, 100.0)] == ["99.99", "99.98", "same"]


def test_a_time_stands_beside_device_runtime_shape_threads_and_runs() -> None:
    text = " ".join(report_table(REPORT).split())
    assert (
        "timed by LiteRT 2.3.0 (XNNPACK), 180x320, 1 thread, "
        f"{LATENCY.device}: tflite-int8 (30 runs after 5 to warm up)" in text
    )
    assert "run by reference evaluator 9.0: coreml-fp16" in text


def test_a_target_over_budget_is_marked_and_its_sentence_shown() -> None:
    report = with_target(breaches=("loses 0.9 dB; the budget is 0.6",))
    assert row(report, "tflite-int8")[1] == "!"
    assert "! tflite-int8: loses 0.9 dB; the budget is 0.6" in report_table(report)


def test_the_heading_says_what_the_model_is() -> None:
    heading = report_table(REPORT).splitlines()[0]
    assert heading.startswith("fsrcnn-x2: super-resolution ×2 on luma, 12.6 k parameters")
    contract = ImageContract("deblur", 1, "rgb")
    report = replace(REPORT, contract=contract, targets=(replace(INT8, latency=Skipped("x")),))
    assert "deblur on RGB" in report_table(report)


def test_where_no_file_ran_there_is_no_empty_table() -> None:
    lost = (NotRun("tflite-int8.tflite", "there is no adb", 7),)
    text = report_table(replace(REPORT, targets=(), device="android", not_run=lost))
    assert "not run on android:\n! tflite-int8.tflite: there is no adb" in text
    for word in ("vs float", "references ran", "evaluation"):
        assert word not in text


def test_a_file_of_another_export_is_not_said_to_have_been_run() -> None:
    """It was never tried: what is wrong is the file, not the device."""
    lost = (
        NotRun("coreml-fp16.mlpackage", "Core ML runs on macOS", 0),
        NotRun("tflite-int8.tflite", "it was not made from this float model", 5),
    )
    text = report_table(replace(REPORT, targets=(), not_run=lost))
    assert "not run on host:\n! coreml-fp16.mlpackage: Core ML runs on macOS" in text
    assert "not measured:\n! tflite-int8.tflite: it was not made from this float model" in text
    last = text.split("\n\n")[-1].replace("\n  ", " ")
    assert "not run on host: coreml-fp16.mlpackage; not measured: tflite-int8.tflite" in last


def test_files_that_did_not_run_for_one_reason_share_a_line() -> None:
    gone = tuple(NotRun(name, "there is no adb", 7) for name in ("a.tflite", "b.tflite"))
    other = NotRun("c.onnx", "is not one of .tflite", 0)
    text = report_table(replace(REPORT, device="android", not_run=(*gone, other)))
    assert "! a.tflite, b.tflite: there is no adb" in text
    assert "! c.onnx: is not one of .tflite" in text


BUILTIN = BuiltinKernels(
    2, Fidelity(46.1, 44.2, "a"), Fidelity(46.7, 44.8, "a"), Agreement(55.0, 0.9, 0.9987, 3)
)


def test_an_int8_file_without_xnnpack_has_a_line_of_its_own() -> None:
    report = with_target(builtin_kernels=BUILTIN)
    text = explained(report)
    assert "tflite-int8 by TFLite's own kernels: vs float 46.1/44.2 on the first 2 images" in text
    assert "by XNNPACK 46.7/44.8; 99.87% of values within one level, largest difference 3" in text
    assert report_from_dict(report_to_dict(report), "r") == report
    assert "own kernels" not in explained(REPORT)


def test_a_file_that_does_not_run_without_xnnpack_says_so() -> None:
    report = with_target(builtin_kernels=Skipped("TFLite's own kernels do not run it: no kernel"))
    assert "own kernels: TFLite's own kernels do not run it" in report_table(report)


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        (71.4, "One level of '/block/norm' (Mul) becomes up to 71 levels of the image"),
        (1.8, "No tensor amplifies one level much (most: '/block/norm' (Mul), up to 1.8)"),
    ],
)
def test_a_file_that_is_not_its_graph_names_the_tensor(levels: float, wanted: str) -> None:
    off: dict[str, Any] = {"target": "coreml-int8", "conversion": Conversion(0.2, 0.46, 71)}
    off["amplified"] = LevelGain("/block/norm", "Mul", levels)
    report = with_target(**off)
    assert wanted in explained(report)
    over = explained(with_target(**off, breaches=("loses 0.9 dB",)))
    assert f"coreml-int8: {wanted}" in over
    assert report_from_dict(report_to_dict(report), "r") == report
    assert wanted not in explained(with_target(amplified=off["amplified"]))


def test_a_file_within_budget_and_levels_off_its_graph_has_a_line() -> None:
    off = {"target": "coreml-int8", "conversion": Conversion(0.2, 0.46, 9)}
    line = "coreml-int8: 46.00% of values within one level of the quantized graph; its format"
    assert line in explained(with_target(**off))
    assert "those are within budget" in explained(with_target(**off))
    assert line not in explained(with_target(**off, breaches=("loses 0.9 dB",)))
    assert "within one level of the quantized graph" not in explained(REPORT)


def test_how_to_leave_out_what_refuses_is_said_once_whatever_formats_refuse() -> None:
    refused = tuple(
        Failed(target, f"{form} cannot express 1 operator of 'net':\n  GridSample 'warp': no", 6)
        for target, form in (("coreml-int8", "Core ML"), ("tflite-gpu", "TFLite"))
    )
    report = replace(with_target(target="onnx-float-48x64"), failed=refused)
    assert said(report).count("--target onnx-float leaves out what refuses the model.") == 1
    broken = replace(refused[0], exit_code=70)
    assert "leaves out" not in said(replace(report, failed=(broken,)))


def test_times_of_tiny_networks_fit_their_column() -> None:
    tiny = replace(LATENCY, median_ms=0.012345, p90_ms=0.0234567)
    assert row(with_target(latency=tiny), "tflite-int8")[-1] == "0.012/0.023"
    usual = replace(LATENCY, median_ms=0.123456, p90_ms=1.23456)
    assert row(with_target(latency=usual), "tflite-int8")[-1] == "0.123/1.23"


def test_the_networks_worth_and_a_tint_have_a_line_each() -> None:
    text = report_table(REPORT)
    assert "against the truth: float model 34.20 dB, bicubic 31.50\n" in text
    assert "off in the mean" not in text
    nowhere = Skipped("the images have no flat bright area")
    tinted = with_target(
        mean_error=MeanError((0.1, 0.1, 0.1), (0.0, -2.0, 0.4), nowhere),
        drop=Drop(0.1, 0.2, "a", 30.0, 31.5),
    )
    text = " ".join(report_table(tinted).split())
    words = "off in the mean by +0.00 red, -2.00 green, +0.40 blue in flat dark areas (levels)"
    assert f"tflite-int8: {words}" in text
    warning = "! the network is worse than none: 30.00 dB against the truth, bicubic 31.50"
    assert text.index(warning) < text.index("target size")
    assert "worse than none" not in report_table(REPORT)


def test_the_last_line_is_the_verdict() -> None:
    assert report_table(REPORT).splitlines()[-1] == "2 files within budget."
    over = with_target(breaches=("loses 0.9 dB in the mean; the budget is 0.6",))
    assert report_table(over).splitlines()[-1] == "0 files within budget; over budget: tflite-int8."


def test_budgets_stand_below_the_figures_of_the_files_that_they_hold_for() -> None:
    budget = Budget(0.3, 0.6, 40.0, 0.999)
    alike = replace(INT8, target="onnx-int8", budget=budget)
    other = replace(INT8, target="tflite-gpu", budget=Budget(0.01, 0.03, 60.0))
    targets = (replace(INT8, budget=budget), alike, other)
    lines = report_table(replace(REPORT, targets=targets)).splitlines()
    head = next(index for index, line in enumerate(lines) if line.startswith("target "))
    shown = [line.split() for line in lines[head + 2 : head + 7]]
    assert [words[0] for words in shown] == [
        *("tflite-int8", "onnx-int8", "budget", "tflite-gpu", "budget")
    ]
    assert shown[2][1:] == ["≥", "40", "≤", "0.3/0.6", "≥", "99.90%"]
    assert shown[4][1:] == ["≥", "60", "≤", "0.01/0.03"]
    assert "  budget" not in report_table(REPORT)
