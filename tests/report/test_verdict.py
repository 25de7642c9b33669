"""Verdicts: worsening beyond the tolerance regresses; skipped is never a pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge_imgq.report.baseline import Baseline, Tolerances, model_baseline, updated
from edge_imgq.report.report import Failed, NotRun, Report
from edge_imgq.report.verdict import NOT_EXPORTED, NotVouchedFor, Verdict, by_budget, judge
from edge_imgq.runtime.memory import ActivationMemory
from edge_imgq.runtime.protocol import Placement
from edge_imgq.runtime.versions import PackageVersion
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Conversion, Drop, Fidelity
from edge_imgq.verify.mean_error import MeanError
from tests.report.build import INT8, REPORT, with_target

BASELINE = updated(None, [REPORT])
NOWHERE = Skipped("the images have no flat bright area")


def verdict(report: Report, target: str = "tflite-int8", baseline: Baseline = BASELINE) -> Verdict:
    (found,) = (v for v in judge([report], baseline) if v.target == target)
    return found


def test_an_unchanged_report_passes() -> None:
    assert [v.outcome for v in judge([REPORT], BASELINE)] == ["pass", "pass"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"drop": Drop(0.26, 0.561, "a", 34.2, 31.5)},
            "drop_mean went from 0.204 to 0.26 dB (tolerance 0.05 dB)",
        ),
        ({"drop": Drop(0.204, 0.72, "a", 34.2, 31.5)}, "drop_worst went from 0.561 to 0.72"),
        ({"vs_reference": Fidelity(46.1, 44.8, "a")}, "vs_reference_mean went from 46.7"),
        ({"vs_reference": Fidelity(46.7, 43.2, "a")}, "vs_reference_worst went from 44.8"),
        (
            {"conversion": Conversion(0.9, 0.9993, 9)},
            "from 0.9999 to 0.9993 of all values (tolerance 0.0005 of them)",
        ),
        ({"bytes": 57_000}, "bytes went from 55123 to 57000, 3.41 % more (tolerance 2 %)"),
        (
            {"mean_error": MeanError((0.6,), (0.05,), NOWHERE)},
            "the mean error went from +0.01 to +0.60 levels (tolerance 0.5)",
        ),
        (
            {"mean_error": MeanError((-0.001,), (-1.9,), NOWHERE)},
            "the mean error in flat dark areas went from +0.05 to -1.90 levels",
        ),
        ({"placement": Placement("XNNPACK", 12, 12, 2, ())}, "partitions went from 1 to 2"),
        (
            {"placement": Placement("XNNPACK", 13, 13, 1, ())},
            "operators went from 12 to 13, 8.33 %",
        ),
        (
            {"memory": ActivationMemory(14_000_000, 0, "ADD 'x'", 3, (180, 320))},
            "activation_bytes went from 12960000 to 14000000, 8.02 % more",
        ),
        ({"breaches": ("loses 0.9 dB; the budget is 0.6",)}, "over budget: loses 0.9 dB"),
    ],
)
def test_a_worse_figure_regresses_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    found = verdict(with_target(**changes))
    assert found.outcome == "regressed"
    assert found.fails
    assert len(found.reasons) == 1
    assert reason in found.reasons[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"drop": Drop(0.25, 0.70, "a", 34.2, 31.5)},
        {"vs_reference": Fidelity(46.3, 43.4, "a")},
        {"conversion": Conversion(0.9, 0.9995, 9)},
        {"bytes": 56_000},
    ],
)
def test_a_figure_within_its_tolerance_passes(changes: dict[str, Any]) -> None:
    assert verdict(with_target(**changes)).outcome == "pass"


SMALLER = ActivationMemory(2_764_800, 2_764_800, "DEPTH_TO_SPACE 'shuffle'", 3, (96, 128))


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({}, {"memory": SMALLER}, "the input's size is 96x128, the baseline's 180x320"),
        (
            {"sizes": ((360, 640), (180, 320))},
            {"sizes": ((180, 320), (96, 128))},
            "the input's sizes are 96x128 and 180x320, the baseline's 180x320 and 360x640",
        ),
        (
            {"file": "tflite-int8.onnx"},
            {"sizes": ((180, 320),)},
            "the input's size is 180x320, the baseline's any",
        ),
    ],
)
def test_a_file_that_lacks_a_size_of_the_baselines_regresses_by_that_alone(
    before: dict[str, Any], now: dict[str, Any], said: str
) -> None:
    """An app that gives it the baseline's image fails, however much less memory it takes."""
    baseline = updated(None, [with_target(**before)])
    found = verdict(with_target(**now, sha256="8" * 64), baseline=baseline)
    assert (found.outcome, found.fails, found.reasons) == ("regressed", True, (said,))
    assert not found.changes


def test_a_size_more_passes_and_is_said() -> None:
    more = with_target(sizes=((180, 320), (360, 640)), sha256="8" * 64)
    found = verdict(more)
    assert found.outcome == "pass"
    assert found.changes == ("the input's sizes are 180x320 and 360x640, the baseline's 180x320",)


def test_activations_are_compared_at_one_size_alone() -> None:
    """A file that takes images of any size is counted at the size that its export was asked for."""
    baseline = updated(None, [with_target(file="tflite-int8.onnx")])
    larger = replace(SMALLER, bytes=51_840_000, size=(360, 640))
    found = verdict(with_target(file="tflite-int8.onnx", memory=larger), baseline=baseline)
    assert found.outcome == "pass"


def test_more_than_a_tolerance_better_is_improved_and_passes() -> None:
    better = with_target(
        drop=Drop(-1.0, -0.5, "a", 34.2, 31.5),
        vs_reference=Fidelity(70.0, 60.0, "a"),
        conversion=Conversion(1.0, 1.0, 0),
        bytes=100,
    )
    found = verdict(better)
    assert (found.outcome, found.fails) == ("improved", False)
    assert "vs_reference_mean went from 46.7 to 70 dB (tolerance 0.5 dB)" in found.reasons
    assert "bytes went from 55123 to 100, 99.8 % less (tolerance 2 %)" in found.reasons


def test_better_in_one_figure_makes_up_for_no_other() -> None:
    mixed = with_target(vs_reference=Fidelity(70.0, 60.0, "a"), bytes=90_000)
    assert verdict(mixed).outcome == "regressed"


def test_a_network_that_got_worse_is_worse_though_its_drop_is_smaller() -> None:
    """2.2 dB of noise on the weights: int8 then loses less of what is left."""
    noisy = with_target(drop=Drop(0.05, 0.1, "a", 32.0, 31.5))
    found = verdict(replace(noisy, reference_sha256="f" * 64))
    assert found.outcome == "regressed"
    assert found.reasons == (
        "the network got worse: the float model's PSNR against the truth went from 34.2 to 32 dB "
        "(tolerance 0.1 dB)",
    )
    assert found.changes == ("the float model's weights changed; its graph is as before",)


def test_a_network_below_its_own_input_is_worse_than_none() -> None:
    (reason,) = verdict(with_target(drop=Drop(0.05, 0.1, "a", 31.0, 31.5))).reasons
    assert "the input alone has 31.50 dB, so it is worse than no network" in reason


def test_latency_is_not_compared() -> None:
    slow = with_target(latency=Skipped("no time"))
    assert verdict(slow).outcome == "pass"


def test_a_figure_that_is_no_longer_measured_regresses() -> None:
    found = verdict(with_target(drop=Skipped("there is no truth")))
    assert found.outcome == "regressed"
    assert "drop_mean was not measured: there is no truth" in found.reasons
    dark = MeanError((0.01,), Skipped("the images have no flat dark area"), NOWHERE)
    (reason,) = verdict(with_target(mean_error=dark)).reasons
    assert reason.endswith("was not measured: the images have no flat dark area")


def test_a_target_that_vanished_does_not_pass() -> None:
    found = verdict(with_target(), target="coreml-fp16")
    assert found.outcome == "regressed"
    assert found.reasons == (NOT_EXPORTED,)
    assert found.fails


def test_a_target_whose_export_failed_is_named_with_the_reason() -> None:
    failed = replace(with_target(), failed=(Failed("coreml-fp16", "cannot express Erf 'a'", 6),))
    found = verdict(failed, target="coreml-fp16")
    assert found.reasons == ("its export failed: cannot express Erf 'a'",)
    assert found.fails


def test_what_this_machine_cannot_run_is_skipped_and_fails_where_it_is_required() -> None:
    gone = replace(with_target(), not_run=(NotRun("coreml-fp16.mlpackage", "no Mac", 7),))
    found = verdict(gone, target="coreml-fp16")
    assert (found.outcome, found.fails) == ("skipped", False)
    assert found.reasons == ("it did not run: no Mac",)
    (strict,) = (v for v in judge([gone], BASELINE, required=["coreml-fp16"]) if v.fails)
    assert (strict.target, strict.outcome) == ("coreml-fp16", "skipped")
    damaged = replace(gone, not_run=(NotRun("coreml-fp16.mlpackage", "it is damaged", 5),))
    assert verdict(damaged, target="coreml-fp16").outcome == "regressed"


def test_a_required_target_that_no_report_has_fails() -> None:
    (found,) = (v for v in judge([REPORT], BASELINE, required=["tflite-int4"]) if v.fails)
    assert (found.target, found.outcome) == ("tflite-int4", "skipped")


def test_another_float_model_without_truth_is_unjudged_and_fails_where_quality_is_required() -> (
    None
):
    targets = tuple(replace(one, drop=Skipped("no truth")) for one in REPORT.targets)
    report = replace(REPORT, targets=targets)
    known = updated(None, [report])
    other = replace(report, reference_sha256="0" * 64)
    assert [(v.outcome, v.fails) for v in judge([other], known)] == [("unjudged", False)] * 2
    for required, failing in (["quality"], 2), (["tflite-int8"], 1):
        found = judge([other], known, required=required)
        assert sum(v.fails for v in found) == failing
        assert {v.outcome for v in found} == {"unjudged"}
    assert not any(v.fails for v in judge([report], known, required=["quality"]))
    assert not any(v.fails for v in judge([REPORT], BASELINE, required=["quality"]))


def test_a_target_that_the_baseline_lacks_is_new_and_held_to_its_budget() -> None:
    empty = Baseline(models={REPORT.model: replace(model_baseline(REPORT), targets={})})
    found = verdict(REPORT, baseline=empty)
    assert (found.outcome, found.fails) == ("new", False)
    over = with_target(breaches=("loses 0.9 dB",))
    assert verdict(over, baseline=empty).outcome == "regressed"
    strict = judge([REPORT], empty, required=["tflite-int8"])
    assert [v.target for v in strict if v.fails] == ["tflite-int8"]


def test_a_model_that_the_baseline_does_not_know_does_not_pass() -> None:
    found = verdict(REPORT, baseline=Baseline())
    assert (found.outcome, found.fails) == ("new", True)
    assert "--update" in found.reasons[0]


@pytest.mark.parametrize("words", [REPORT.evaluation, "5 images of Set5"])
def test_figures_of_other_images_are_not_comparable(words: str) -> None:
    found = verdict(replace(REPORT, evaluation=words, evaluation_sha256="0" * 64))
    assert (found.outcome, found.fails) == ("mismatched", True)
    (reason,) = found.reasons
    assert reason.startswith("measured on other images than the baseline")
    assert ("5 images of Set5" if words != REPORT.evaluation else "same names") in reason


def test_other_calibration_images_are_said_of_quantized_files_alone() -> None:
    other = replace(REPORT, calibration_sha256="0" * 64)
    (reason,) = verdict(other).reasons
    assert reason == (
        "calibrated on other images than the baseline, under the same names: export again with "
        "--calibration DIR of those, or accept these figures with --update"
    )
    assert verdict(other, target="coreml-fp16").outcome == "pass"


def test_a_file_that_is_not_the_one_vouched_for_is_tampered_however_good() -> None:
    why = {("fsrcnn-x2", "tflite-int8"): NotVouchedFor(("its bytes are others",))}
    found, *_ = (v for v in judge([REPORT], BASELINE, why) if v.target == "tflite-int8")
    assert (found.outcome, found.fails) == ("tampered", True)
    assert found.reasons == ("its bytes are others",)
    assert judge([REPORT], Baseline(), why)[1].outcome == "tampered"


def test_what_changed_is_said_and_decides_nothing() -> None:
    newer = (PackageVersion("ai-edge-litert", "2.4.0"), REPORT.versions[1])
    found = verdict(replace(REPORT, versions=newer))
    assert found.outcome == "pass"
    assert found.changes == ("ai-edge-litert was 2.3.0 and is 2.4.0",)
    (change,) = verdict(with_target(sha256="0" * 64)).changes
    assert change == "the file changed: written otherwise, from the same graph"
    (change,) = verdict(with_target(quantized_sha256="0" * 64)).changes
    assert change.startswith("the quantized graph changed: other scales")
    other = replace(REPORT, graph_sha256="0" * 64, reference_sha256="0" * 64)
    assert verdict(other).changes == ("the float model's graph changed",)


def test_a_baselines_own_tolerances_count() -> None:
    strict = replace(BASELINE, tolerances=Tolerances(bytes=0.0))
    assert verdict(with_target(bytes=INT8.bytes + 1), baseline=strict).outcome == "regressed"


def test_an_update_replaces_the_reports_model_and_keeps_the_rest() -> None:
    other = updated(None, [replace(REPORT, model="other")])
    both = updated(replace(other, tolerances=Tolerances(bytes=0.5)), [with_target(bytes=1)])
    assert set(both.models) == {"other", "fsrcnn-x2"}
    assert both.models["fsrcnn-x2"].targets["tflite-int8"].bytes == 1
    assert "coreml-fp16" not in both.models["fsrcnn-x2"].targets
    assert both.tolerances.bytes == 0.5


def test_decibels_that_nobody_sees_are_neither_better_nor_worse() -> None:
    """Rounding on another processor moves 95 dB by two; 67 to 59 crosses what is seen."""
    close = updated(None, [with_target(vs_reference=Fidelity(94.9, 93.3, "a"))])
    assert verdict(with_target(vs_reference=Fidelity(91.0, 89.0, "a")), baseline=close) == (
        verdict(with_target(vs_reference=Fidelity(99.0, 98.0, "a")), baseline=close)
    )
    found = verdict(with_target(vs_reference=Fidelity(59.4, 58.0, "a")), baseline=close)
    assert found.outcome == "regressed"


def test_without_a_baseline_budgets_decide() -> None:
    failed = (Failed("tflite-float", "cannot express Erf 'a'", 6),)
    gone = (NotRun("coreml-fp16.mlpackage", "no Mac", 7), NotRun("x.onnx", "it is damaged", 5))
    over = replace(with_target(breaches=("loses 0.9 dB",)), failed=failed, not_run=gone)
    assert [(v.target, v.outcome, v.fails) for v in by_budget(over)] == [
        ("tflite-int8", "regressed", True),
        ("tflite-float", "regressed", True),
        ("coreml-fp16", "skipped", False),
        ("x", "regressed", True),
    ]
    assert {v.outcome for v in by_budget(REPORT)} == {"pass"}
