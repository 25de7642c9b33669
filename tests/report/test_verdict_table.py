"""Verdicts as text: the result first."""

from __future__ import annotations

import json
from dataclasses import replace

from edge_imgq.report.baseline import Baseline, updated
from edge_imgq.report.baseline_comparison import BaselineComparison
from edge_imgq.report.check_page import check_page
from edge_imgq.report.json_form import verdicts_to_json
from edge_imgq.report.markdown import markdown
from edge_imgq.report.verdict import Verdict, fails_check, judge
from edge_imgq.report.verdict_table import verdict_table
from edge_imgq.skipped import Skipped
from tests.report.build import REPORT

LONG = (
    "measured on other images than the baseline (5 images of Set5; there 4 images of the manifest)"
)
FAILING = (
    Verdict("one", "tflite-int8", "tampered", True, ("its bytes were changed", LONG)),
    Verdict("one", "onnx-int8", "regressed", True, ("the network got worse",), ("other weights",)),
    Verdict("one", "onnx-float", "regressed", True, ("the network got worse",), ("other weights",)),
    Verdict("two", "coreml-int8", "skipped", False, ("no Mac",)),
    Verdict("two", "tflite-int8", "improved", False, ("bytes went down",)),
)


def test_the_result_comes_first_and_every_reason_below() -> None:
    lines = verdict_table(FAILING).splitlines()
    assert lines[0] == "FAIL: 3 of 5 targets (1 tampered, 2 regressed, 1 skipped, 1 improved)."
    assert "two    coreml-int8  skipped" in lines
    assert "one onnx-int8, onnx-float regressed:" in lines
    assert lines.count("  - the network got worse") == 1
    assert lines[-2:] == ["changed since the baseline:", "  one: other weights"]
    assert max(map(len, lines)) <= 80


def test_what_was_skipped_is_never_counted_as_a_pass() -> None:
    first = verdict_table(FAILING[3:]).splitlines()[0]
    assert first == "PASS: 2 targets (1 skipped, 1 improved)."


def test_a_changed_model_that_no_truth_judges_is_said_in_the_heading() -> None:
    baseline = updated(None, [REPORT])
    targets = tuple(replace(one, drop=Skipped("no truth")) for one in REPORT.targets)
    report = replace(REPORT, targets=targets)
    known = updated(None, [report])
    changed = replace(report, reference_sha256="0" * 64)
    comparison = BaselineComparison(judge([changed], known), (changed,), known)
    heading = (
        "NOT JUDGED: 2 targets (2 unjudged): another float model, and no truth to judge it by."
    )
    note = "not gated: quality against the truth; give pairs with --images DIR"
    text = verdict_table(comparison.verdicts, comparison.notes)
    for form in (text, markdown(comparison), check_page(comparison, {})):
        assert heading in " ".join(form.split())
        assert " ".join(form.split()).count(note) == 1
        assert "PASS" not in form
        assert "or accept it with --update" in " ".join(form.split())
    assert not comparison.fails
    assert verdict_table(judge([report], known)).startswith("PASS")
    known_truth = verdict_table(judge([replace(REPORT, reference_sha256="0" * 64)], baseline))
    assert known_truth.startswith("PASS")


def test_nothing_compared_is_never_headed_pass() -> None:
    assert verdict_table(FAILING[3:4]).startswith("NOTHING COMPARED: 1 target (1 skipped).")
    assert not fails_check(FAILING[3:4])
    assert verdict_table(()).startswith("NOTHING COMPARED: neither the reports nor the baseline")
    assert fails_check(())
    assert json.loads(verdicts_to_json(()))["passes"] is False
    words = markdown(BaselineComparison(FAILING[3:4], (), Baseline()))
    assert words.startswith("### ○ NOTHING COMPARED: 1 target (1 skipped).")
