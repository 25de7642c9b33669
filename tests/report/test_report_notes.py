"""What stands below the table of a report: times, memory, steps, advice and lowering a loss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_imgq.devices.instructions import Instructions
from edge_imgq.quantize.mixed_precision.worst_layer import WorstLayer
from edge_imgq.quantize.steps.quantization_step import QuantizationStep, not_run
from edge_imgq.report.diagnosis import ALL_INT8, WITHIN, Diagnosis, MixedPrecision
from edge_imgq.report.json_form import report_from_dict, report_to_dict
from edge_imgq.report.report import Report, SchemeReport
from edge_imgq.report.report_table import report_table
from edge_imgq.runtime.protocol import Placement
from edge_imgq.skipped import Skipped
from tests.report.build import INT8, LATENCY, REPORT, explained, said, with_target


def test_every_step_of_the_quantizer_says_what_it_gained() -> None:
    steps = (
        QuantizationStep("scales", 50.12),
        QuantizationStep("feedback", 51.1),
        QuantizationStep("equalization", 50.6, kept=False),
        QuantizationStep("tuning", 51.53),
    )
    report = replace(REPORT, schemes=(SchemeReport("int8", steps),))
    assert report_from_dict(report_to_dict(report), "report.json") == report
    text = report_table(report, explain=True)
    assert (
        "int8, on held-out calibration patches: scales 50.1 dB, feedback +1.0, equalization "
        "-0.5 (not kept), tuning +0.4"
    ) in text.replace("\n  ", " ")
    assert max(map(len, text.splitlines())) <= 80


def test_a_step_that_did_not_run_is_told_from_one_that_did_not_help() -> None:
    reason = Skipped("Acos has no torch form")
    steps = (
        QuantizationStep("scales", 43.04),
        not_run("guarded ranges", reason),
        not_run("feedback", reason),
        QuantizationStep("channels", 43.0, kept=False),
        not_run("copies", Skipped("no channel is worth a copy")),
    )
    report = replace(REPORT, schemes=(SchemeReport("int8", steps),))
    values = report_to_dict(report)
    assert values["schemes"][0]["steps"][2]["psnr"] == {"skipped": "Acos has no torch form"}
    assert report_from_dict(values, "report.json") == report
    text = report_table(report, explain=True)
    assert (
        "int8, on held-out calibration patches: scales 43.0 dB, channels +0.0 (not kept); not run: "
        "guarded ranges, feedback (Acos has no torch form); not run: copies (no channel is worth "
        "a copy)"
    ) in text.replace("\n  ", " ")
    assert max(map(len, text.splitlines())) <= 80


def diagnosed(mixed: MixedPrecision | Skipped) -> Report:
    layers = (
        WorstLayer("node_conv2d_17_with_a_rather_long_name", "Conv", 0.02, 0.61),
        WorstLayer("silu", "Mul", 0.0, 0.25),
    )
    diagnosis = Diagnosis(layers, 31.2, 38.0, mixed)
    steps = (QuantizationStep("scales", 31.0),)
    return replace(REPORT, schemes=(SchemeReport("int8", steps, diagnosis),))


def test_what_makes_int8_lose_is_named_with_the_command_that_mends_it() -> None:
    commands = (
        "edge-imgq sensitivity my.onnx --fidelity 38.0 --calibration a/long/folder/of/photographs",
        "edge-imgq export my.onnx --target '*-int8' --scheme artifacts/my/mixed.toml",
    )
    report = diagnosed(MixedPrecision(("first", "second"), 41.04, 1.42, 1.9, commands))
    assert report_from_dict(report_to_dict(report), "report.json") == report
    text = report_table(report)
    assert (
        "int8: most of the loss is made by\n  node_conv2d_17_with_a_rather_long_name (Conv): 61% "
        "by rounding what it writes,"
    ) in text
    assert "2 layers in float (first, second) would bring it within budget" in text
    assert "1.4 times the time of int8, where a float file takes 1.9 times" in " ".join(
        text.split()
    )
    joined = text.replace(" \\\n    ", " ")
    assert all(f"\n  {command}" in joined for command in commands)
    assert max(map(len, text.splitlines())) <= 80


def test_layers_that_make_a_part_of_the_loss_are_not_said_to_make_most_of_it() -> None:
    diagnosis = Diagnosis((WorstLayer("mix", "Conv", 0.01, 0.13),), 29.4, 35.0, Skipped("none"))
    steps = (QuantizationStep("scales", 29.0),)
    report = replace(REPORT, schemes=(SchemeReport("int8", steps, diagnosis),))
    text = report_table(report)
    assert "int8: many layers make the loss; the largest shares have\n  mix (Conv): 13% by" in text
    assert "most of the loss" not in text


def test_where_no_few_layers_mend_it_the_reason_is_said() -> None:
    report = diagnosed(Skipped("8 layers in float would not do"))
    assert report_from_dict(report_to_dict(report), "report.json") == report
    assert "8 layers in float would not do." in report_table(report)


def test_what_explains_figures_is_shown_on_request_alone() -> None:
    steps = SchemeReport("int8", (QuantizationStep("scales", 50.0),))
    report = replace(
        with_target(placement=Placement("XNNPACK", 3, 2, 1, ("PRELU",))), schemes=(steps,)
    )
    for words in ("vs float: PSNR of", "on XNNPACK, in", "activations alive", "held-out"):
        assert words not in said(report)
        assert words in explained(report)
    assert "--explain" in said(report)
    assert "--explain" not in explained(report)


def test_a_step_that_did_not_run_is_said_without_being_asked() -> None:
    steps = (
        QuantizationStep("scales", 43.0),
        not_run("feedback", Skipped("no torch form of Acos")),
    )
    report = replace(REPORT, schemes=(SchemeReport("int8", steps),))
    assert "steps of int8: no torch form of Acos (feedback)" in said(report)


def test_what_disturbed_times_is_said_once_for_all_of_them() -> None:
    said = "this machine was not quiet: other programs used 1.7 of 2 processors"
    slow = replace(LATENCY, conditions=said, disturbed=True)
    first, second = replace(INT8, latency=slow), replace(INT8, latency=slow, target="onnx-int8")
    text = " ".join(report_table(replace(REPORT, targets=(first, second))).split())
    assert text.count(said) == 1
    assert f"tflite-int8, onnx-int8: {said}" in text


def test_what_disturbed_each_time_otherwise_is_one_line() -> None:
    said = "this machine was not quiet: other programs used 1.7 of 2 processors"
    slow = replace(LATENCY, conditions=said, disturbed=True)
    slower = replace(slow, conditions=said.replace("1.7", "1.9"))
    quiet = replace(INT8, target="onnx-float")
    first, second = replace(INT8, latency=slow), replace(INT8, latency=slower, target="onnx-int8")
    report = replace(REPORT, targets=(first, second, quiet))
    text = " ".join(report_table(report).split())
    assert "tflite-int8, onnx-int8: this machine was not quiet, compare no times" in text
    assert said not in text


def test_operators_left_to_another_unit_are_counted_by_kind() -> None:
    place = Placement("XNNPACK", 13, 10, 1, ("QUANTIZE", "PRELU", "QUANTIZE"))
    text = explained(with_target(placement=place))
    assert "10 of 13 operators on XNNPACK, in 1 partition, not 2 × QUANTIZE" in text
    assert "QUANTIZE (pixels to int8 and back, as in every int8 file), 1 × PRELU" in text


def test_memory_and_instructions_stand_below() -> None:
    counted = Instructions(54_540_000, (96, 96), "cortex-a76", "LiteRT 2.0.3 (XNNPACK)")
    text = explained(with_target(instructions=counted))
    assert "54.5 M instructions of a cortex-a76 for one image of 96x96" in text
    assert "activations alive at once, 180x320: tflite-int8 13.0 MB at DEPTH_TO_SPACE" in text


def test_a_recipe_that_mends_says_that_there_was_nothing_to_mend() -> None:
    within = SchemeReport("int8-auto", (), ALL_INT8)
    line = "int8-auto: its files are within budget, so nothing was kept in float"
    assert line in said(replace(REPORT, schemes=(within,)))
    assert line not in said(replace(REPORT, schemes=(replace(within, diagnosis=WITHIN),)))


SCALES, TUNING = QuantizationStep("scales", 50.0), QuantizationStep("tuning", 50.2)


MUCH, TAKEN_BACK = QuantizationStep("tuning", 50.4), QuantizationStep("tuning", 49.0, kept=False)


@pytest.mark.parametrize(
    ("scheme", "steps", "breaches", "said"),
    [
        ("int8", (SCALES, TUNING), (), "All that int8 does after the scales gained 0.2 dB"),
        ("int8", (SCALES, TAKEN_BACK), (), "after the scales gained 0.0 dB"),
        ("int8", (SCALES, MUCH), (), ""),
        ("int8", (SCALES,), (), ""),
        ("int8", (SCALES, TUNING), ("loses",), ""),
        ("int8-fast", (SCALES, TUNING), (), ""),
        ("int8-fast", (SCALES, TUNING), ("loses",), "try `--scheme int8`."),
    ],
)
def test_a_scheme_that_is_worth_a_try_is_named_behind_the_verdict(
    scheme: str, steps: tuple[QuantizationStep, ...], breaches: tuple[str, ...], said: str
) -> None:
    report = replace(with_target(breaches=breaches), schemes=(SchemeReport(scheme, steps),))
    _, hinted, hints = " ".join(report_table(report).split()).partition("hints:")
    assert said in hints
    assert bool(hinted) == bool(said)


def test_advice_is_the_last_that_stands_in_a_report() -> None:
    advice = ("Only 2 calibration images.", "If it was trained so, say --range 255.")
    lines = report_table(replace(REPORT, advice=advice)).splitlines()
    assert lines[-5] == "2 files within budget."
    assert lines[-3:] == ["hints:", *(f"  {sentence}" for sentence in advice)]


def test_a_range_that_seems_wrong_stands_right_under_the_verdicts() -> None:
    """Neither behind a budget that was met, nor beside a scheme that is not to blame."""
    doubt = "net: its image is odd. If it was trained so, say --range 255."
    over = with_target(breaches=("loses",))
    scheme = SchemeReport("int8-fast", (SCALES, TUNING))
    report = replace(over, schemes=(scheme,), range_warning=doubt)
    text = report_table(report)
    assert text.split("\n\n")[2].replace("\n ", "") == f"! {doubt}"
    assert said(report).count("--range 255.") == 1
    assert "hints:" not in text
