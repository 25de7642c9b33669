"""Why float files are to be shipped: whatever ended the search is what is said."""

from __future__ import annotations

from typing import Any

import pytest

from edge_imgq.pipeline.mixed_precision.diagnosis import Causes
from edge_imgq.pipeline.mixed_precision.reason_for_float import (
    file_failures,
    graph_failure,
    reason_for_float,
)
from edge_imgq.quantize.mixed_precision.precision_search import Choice
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.report.diagnosis import FileTimes

SEARCH: Any = None
LOSS = Causes((), 37.1, 39.0, 39.3, 60.0, SEARCH, "x86 with VNNI", 2.83)
CHOICE = Choice(frozenset({"first", "second"}), 39.2, 1.51)
FLIPS = "tflite-int8 has 99.87% of values within one level"
SLOW = FileTimes("tflite-int8", "tflite-float", 12.0, 4.0, 10.0)


@pytest.mark.parametrize(
    ("failure", "measured", "said"),
    [
        (FLIPS, (), f"with 2 layers in float {FLIPS}"),
        ("", (), "takes 39.0 dB there, at an estimated 1.51 times the time of int8 on x86"),
        ("", (SLOW,), "takes 39.0 dB there, tflite-int8 would take 12.00 ms on this host"),
    ],
)
def test_the_reason_is_what_ended_the_search(
    failure: str, measured: tuple[FileTimes, ...], said: str
) -> None:
    recipes = [recipe for recipe in export_recipes() if recipe.name == "tflite-int8"]
    reason = reason_for_float(recipes, LOSS, CHOICE, failure, measured).reason
    assert reason.startswith("ship tflite-float: with 2 layers in float ")
    assert said in reason
    assert ("estimated" in reason) == (not failure and not measured)
    assert ("comes to about 39.2 dB" in reason) == (not failure)


def test_a_failed_graph_is_told_with_what_it_reaches_and_what_the_budget_takes() -> None:
    assert "comes to 39.14 dB" in graph_failure(39.14, 39.3)
    assert graph_failure(39.14, 39.3).endswith("where the budget takes 39.30")


def test_failures_of_files_are_one_clause() -> None:
    sentences = ("onnx-int8: loses 0.4 dB: too much.", "tflite-int8: does not run")
    joined = "onnx-int8 loses 0.4 dB: too much; tflite-int8 does not run"
    assert file_failures(sentences) == joined
    assert file_failures(()) == ""
