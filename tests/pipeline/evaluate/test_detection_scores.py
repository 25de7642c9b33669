"""Precision and recall of a detector against what it finds in the originals, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.pipeline.evaluate.detection_scores import detection_scores, found_boxes
from edge_imgq.pipeline.evaluate.detector import Detector
from edge_imgq.report.evaluation import Detection
from edge_imgq.skipped import Skipped
from tests.pipeline.evaluate.build import cell_detector, with_bright_cells

TRUTH = with_bright_cells({0: 255, 5: 240, 10: 230, 15: 100})
"""Three objects, and one that the detector is not sure of."""

RESULTS = {
    # Two are found, one only faintly; one more is found where there is none.
    "input": with_bright_cells({0: 250, 5: 60, 10: 220, 12: 200}),
    "model": TRUTH,
    "black": with_bright_cells({}),
}


def test_scores_are_those_counted_by_hand(tmp_path: Path) -> None:
    detect = Detector(cell_detector(tmp_path / "cells.onnx"), 1)
    found = found_boxes(detect, "blurred", TRUTH, RESULTS)
    scores = detection_scores(detect.name, found)
    assert isinstance(scores, Detection)
    assert (scores.detector, scores.references) == ("cells.onnx", 3)
    first, second, third = scores.rows
    assert (first.condition, first.method) == ("blurred", "input")
    assert (first.precision, first.recall, first.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    # Ranked: right, right, wrong, right.
    assert first.average_precision == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert (second.precision, second.recall, second.f1, second.average_precision) == (1, 1, 1, 1)
    assert (third.precision, third.recall, third.f1) == (None, 0, 0)
    assert third.average_precision == 0


def test_boxes_of_several_images_count_together(tmp_path: Path) -> None:
    detect = Detector(cell_detector(tmp_path / "cells.onnx"), 1)
    found = found_boxes(detect, "blurred", TRUTH, {"input": RESULTS["input"]})
    found += found_boxes(detect, "blurred", with_bright_cells({1: 255}), {"input": TRUTH})
    scores = detection_scores(detect.name, found)
    assert isinstance(scores, Detection)
    assert (scores.rows[0].precision, scores.rows[0].recall) == (2 / 6, 2 / 4)


def test_originals_without_an_object_are_skipped_with_the_reason(tmp_path: Path) -> None:
    detect = Detector(cell_detector(tmp_path / "cells.onnx"), 1)
    found = found_boxes(detect, "blurred", RESULTS["black"], RESULTS)
    scores = detection_scores(detect.name, found)
    assert scores == Skipped(
        "cells.onnx finds nothing in the originals with a score of 0.5 or more"
    )
