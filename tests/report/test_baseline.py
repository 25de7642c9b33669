"""Verdicts: worsening beyond the tolerance drifts, improvement passes, skipped never passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge_imgq.report.baseline import Baseline, ModelBaseline, Tolerances, Verdict, judge, updated
from edge_imgq.report.report import Failed, NotRun, Report
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Conversion, Drop, Fidelity
from tests.report.build import INT8, REPORT, with_target

BASELINE = updated(None, [REPORT])


def verdict(report: Report, target: str = "tflite-int8", baseline: Baseline = BASELINE) -> Verdict:
    (found,) = (v for v in judge([report], baseline) if v.target == target)
    return found


def test_an_unchanged_report_passes() -> None:
    assert [v.outcome for v in judge([REPORT], BASELINE)] == ["pass", "pass"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"drop": Drop(0.26, 0.561, "a", 34.0)},
            "drop_mean went from 0.204 to 0.26 dB (tolerance 0.05 dB)",
        ),
        ({"drop": Drop(0.204, 0.72, "a", 34.0)}, "drop_worst went from 0.561 to 0.72"),
        ({"vs_reference": Fidelity(46.1, 44.8, "a")}, "vs_reference_mean went from 46.7"),
        ({"vs_reference": Fidelity(46.7, 43.2, "a")}, "vs_reference_worst went from 44.8"),
        (
            {"conversion": Conversion(0.9, 0.9993, 9)},
            "from 0.9999 to 0.9993 of all values (tolerance 0.0005 of them)",
        ),
        ({"bytes": 57_000}, "bytes went from 55123 to 57000, 3.41 % more (tolerance 2 %)"),
        ({"breaches": ("loses 0.9 dB; the budget is 0.6",)}, "over budget: loses 0.9 dB"),
    ],
)
def test_a_worse_figure_drifts_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    found = verdict(with_target(**changes))
    assert found.outcome == "drifted"
    assert not found.passes
    assert len(found.reasons) == 1
    assert reason in found.reasons[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"drop": Drop(0.25, 0.70, "a", 34.0)},
        {"vs_reference": Fidelity(46.3, 43.4, "a")},
        {"conversion": Conversion(0.9, 0.9995, 9)},
        {"bytes": 56_000},
    ],
)
def test_a_figure_within_its_tolerance_passes(changes: dict[str, Any]) -> None:
    assert verdict(with_target(**changes)).outcome == "pass"


def test_improvement_passes_however_large() -> None:
    better = with_target(
        drop=Drop(-1.0, -0.5, "a", 34.0),
        vs_reference=Fidelity(70.0, 60.0, "a"),
        conversion=Conversion(1.0, 1.0, 0),
        bytes=100,
    )
    assert verdict(better).outcome == "pass"


def test_latency_is_not_compared() -> None:
    slow = with_target(latency=Skipped("no time"))
    assert verdict(slow).outcome == "pass"


def test_a_figure_that_is_no_longer_measured_drifts() -> None:
    found = verdict(with_target(drop=Skipped("there is no truth")))
    assert found.outcome == "drifted"
    assert "drop_mean was not measured: there is no truth" in found.reasons


def test_a_target_that_vanished_is_missing_and_does_not_pass() -> None:
    found = verdict(with_target(), target="coreml-fp16")
    assert found.outcome == "missing"
    assert found.reasons == ("the report has no such target",)
    assert not found.passes


def test_a_target_whose_export_failed_is_missing_for_that_reason() -> None:
    failed = replace(with_target(), failed=(Failed("coreml-fp16", "no form for Erf 'a'", 6),))
    assert verdict(failed, target="coreml-fp16").reasons == (
        "its export failed: no form for Erf 'a'",
    )
    gone = replace(with_target(), not_run=(NotRun("coreml-fp16.mlpackage", "no Mac", 7),))
    assert verdict(gone, target="coreml-fp16").reasons == ("it did not run: no Mac",)


def test_a_target_that_the_baseline_lacks_is_new_and_held_to_its_budget() -> None:
    empty = Baseline(models={REPORT.model: ModelBaseline(REPORT.evaluation, {})})
    assert verdict(REPORT, baseline=empty).outcome == "new"
    assert verdict(REPORT, baseline=empty).passes
    over = with_target(breaches=("loses 0.9 dB",))
    assert verdict(over, baseline=empty).outcome == "drifted"


def test_a_model_that_the_baseline_does_not_know_does_not_pass() -> None:
    found = verdict(REPORT, baseline=Baseline())
    assert found.outcome == "unknown"
    assert not found.passes
    assert "--update" in found.reasons[0]


def test_figures_of_other_images_are_not_comparable() -> None:
    found = verdict(replace(REPORT, evaluation="5 images of Set5"))
    assert found.outcome == "drifted"
    assert "measured on other images (5 images of Set5)" in found.reasons[0]


def test_a_baselines_own_tolerances_count() -> None:
    strict = replace(BASELINE, tolerances=Tolerances(bytes=0.0))
    assert verdict(with_target(bytes=INT8.bytes + 1), baseline=strict).outcome == "drifted"


def test_an_update_replaces_the_reports_model_and_keeps_the_rest() -> None:
    other = updated(None, [replace(REPORT, model="other")])
    both = updated(replace(other, tolerances=Tolerances(bytes=0.5)), [with_target(bytes=1)])
    assert set(both.models) == {"other", "fsrcnn-x2"}
    assert both.models["fsrcnn-x2"].targets["tflite-int8"].bytes == 1
    assert "coreml-fp16" not in both.models["fsrcnn-x2"].targets
    assert both.tolerances.bytes == 0.5
