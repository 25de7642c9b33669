"""Matching of boxes and average precision, against ONNX Runtime and counts by hand."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edge_imgq.metrics.detection import (
    Boxes,
    average_precision,
    correct,
    overlaps,
    without_duplicates,
)


def boxes(*rows: tuple[float, ...]) -> Boxes:
    """Return boxes of rows (left, top, right, bottom, score, label)."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Boxes(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


REFERENCE = boxes((0, 0, 10, 10, 0.9, 1), (20, 0, 30, 10, 0.9, 1), (0, 20, 10, 30, 0.9, 2))


def test_overlap_is_shared_area_over_joint_area() -> None:
    one = np.array([[0.0, 0, 10, 10], [5, 5, 5, 9]])
    other = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [5, 5, 5, 9]])
    expected = [[1.0, 50 / 150, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    assert overlaps(one, other) == pytest.approx(np.array(expected))
    stretched = [boxes * np.array([3, 0.5, 3, 0.5]) for boxes in (one, other)]
    assert overlaps(*stretched) == pytest.approx(np.array(expected)), "in any unit"


@pytest.mark.parametrize("most", [0.2, 0.45, 0.7])
def test_duplicates_are_those_of_onnx_runtime(most: float) -> None:
    rng = np.random.default_rng(4)
    corners = np.tile(rng.uniform(0, 20, (60, 2)), 2)
    corners[:, 2:] += rng.uniform(8, 30, (60, 2))
    corners = corners.astype(np.float32)
    scores = rng.permutation(60).astype(np.float32) / 60
    labels = rng.integers(0, 2, 60)
    kept = without_duplicates(Boxes(corners.astype(float), scores.astype(float), labels), most)
    by_label = np.where(np.arange(2)[:, None] == labels, scores, -1).astype(np.float32)
    picked = onnx_runtime_keeps(corners, by_label, most)
    assert sorted(kept.scores) == sorted(scores[picked].astype(float))
    assert 2 < len(picked) < 55


def onnx_runtime_keeps(corners: np.ndarray, scores: np.ndarray, most: float) -> list[int]:
    """Return the boxes that ONNX's NonMaxSuppression keeps of scores (labels, N)."""
    values = {"most": np.array([60]), "iou": np.float32([most]), "least": np.float32([-0.5])}
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", *values], ["kept"])
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, None, None))
        for name in ("boxes", "scores")
    ]
    kept = helper.make_tensor_value_info("kept", TensorProto.INT64, (None, 3))
    constants = [onnx.numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph([node], "nms", inputs, [kept], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {"boxes": corners[None], "scores": scores[None]})
    return [int(index) for index in found[:, 2]]


def test_each_reference_is_found_once_by_the_surest_box_of_its_label() -> None:
    found = boxes(
        (0, 0, 10, 9, 0.6, 1),  # after the next, which takes the reference
        (0, 0, 10, 10, 0.7, 1),
        (20, 0, 30, 10, 0.9, 2),  # another label
        (0, 20, 10, 26, 0.2, 2),  # IoU 0.6
        (22, 0, 36, 10, 0.8, 1),  # IoU 8 / 16
    )
    assert correct(REFERENCE, found).tolist() == [False, True, False, True, True]
    assert correct(boxes(), found).tolist() == [False] * 5
    assert correct(REFERENCE, boxes()).tolist() == []


def test_average_precision_is_the_area_under_the_highest_precision_from_each_recall_on() -> None:
    """Label 1: right, wrong, right of two. Label 2: its one reference is not found."""
    found = boxes((0, 0, 10, 10, 0.9, 1), (50, 0, 60, 10, 0.8, 1), (20, 0, 30, 10, 0.7, 1))
    of_one = (1 + 2 / 3) / 2
    assert average_precision([(REFERENCE, found)]) == pytest.approx((of_one + 0) / 2)
    assert average_precision([(REFERENCE, REFERENCE)]) == 1.0
    assert average_precision([(REFERENCE, boxes())]) == 0.0


def test_boxes_of_all_images_are_ranked_together() -> None:
    """Ranked: right, wrong (in the image without references), right: 1/2 + 1/2 · 2/3."""
    one = boxes((0, 0, 10, 10, 0.9, 1), (20, 0, 30, 10, 0.5, 1))
    other = boxes((0, 0, 10, 10, 0.7, 1))
    pairs = [(REFERENCE.chosen(np.array([0, 1])), one), (boxes(), other)]
    assert average_precision(pairs) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


def test_average_precision_without_references_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        average_precision([(boxes(), REFERENCE)])
