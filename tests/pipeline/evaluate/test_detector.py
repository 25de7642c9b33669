"""Detectors whose outputs come in the layouts of torchvision and of YOLO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edge_imgq.errors import ModelError
from edge_imgq.pipeline.evaluate.detector import Detector, boxes_of
from tests.pipeline.evaluate.build import cell_detector, cells, with_bright_cells, write

IMAGE = with_bright_cells({2: 255, 9: 102})


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("labels", [False, True])
def test_boxes_scores_and_labels_are_told_apart(
    tmp_path: Path, batched: bool, labels: bool
) -> None:
    found = Detector(cell_detector(tmp_path / "d.onnx", batched=batched, labels=labels), 1)(IMAGE)
    assert found.corners.tolist() == cells()[[2, 9]].tolist()
    assert found.scores == pytest.approx([1.0, 0.4])
    assert found.labels.tolist() == ([7, 7] if labels else [0, 0])


def test_a_gray_image_is_repeated_and_another_size_fitted(tmp_path: Path) -> None:
    detect = Detector(cell_detector(tmp_path / "d.onnx"), 1)
    assert detect(IMAGE[..., :1]).scores == pytest.approx([1.0, 0.4])
    wide = np.full((32, 64, 3), 255, np.uint8)  # half as high in 32×32, gray below
    scores = detect(wide).scores
    assert scores == pytest.approx([1.0] * 8 + [114 / 255] * 8)


def by_type(path: Path, kind: int, shape: list[object]) -> Path:
    """Write a detector of one box that is scored by the mean of the image as it comes."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "one"], ["scores"]),
        helper.make_node("Identity", ["corners"], ["boxes"]),
    ]
    constants = {"one": np.array([1]), "corners": np.float32([[0, 0, 1, 1]])}
    return write(path, nodes, ["boxes", "scores"], constants, (kind, shape))


@pytest.mark.parametrize(
    ("kind", "shape", "mean"),
    [
        (TensorProto.UINT8, [1, "h", "w", 3], 51.0),
        (TensorProto.FLOAT, [3, "h", "w"], 0.2),
        (TensorProto.FLOAT16, [1, 3, "h", "w"], 0.2),
    ],
)
def test_images_come_as_the_file_takes_them(
    tmp_path: Path, kind: int, shape: list[object], mean: float
) -> None:
    detect = Detector(by_type(tmp_path / "d.onnx", kind, shape), 1)
    assert detect(np.full((32, 64, 3), 51, np.uint8)).scores == pytest.approx([mean], rel=1e-3)


def test_raw_boxes_of_yolo_are_centres_and_lose_their_duplicates() -> None:
    raw = np.zeros((1, 6, 8), np.float32)
    raw[0, :, 0] = 10, 20, 4, 8, 0.1, 0.9
    raw[0, :, 1] = 10, 20, 4, 9, 0.1, 0.8  # the same object
    raw[0, :, 2] = 10, 20, 4, 9, 0.7, 0.1  # another label
    found = boxes_of([raw])
    assert found is not None
    assert found.corners.tolist() == [[8, 16, 12, 24], [8, 15.5, 12, 24.5]]
    assert (found.labels.tolist(), found.scores.tolist()) == ([1, 0], pytest.approx([0.9, 0.7]))


def test_final_boxes_of_yolo_are_rows_of_corners_score_and_label() -> None:
    rows = np.float32([[[1, 2, 3, 4, 0.5, 6]]])
    found = boxes_of([rows])
    assert found is not None
    assert found.corners.tolist() == [[1, 2, 3, 4]]
    assert (found.scores.tolist(), found.labels.tolist()) == ([0.5], [6])


@pytest.mark.parametrize(
    "shapes", [[(1, 3, 8, 8)], [(1, 25, 6, 4)], [(5, 4)], [(5, 4), (5,), (5,)], [(1, 85, 12)]]
)
def test_other_outputs_are_no_boxes(shapes: list[tuple[int, ...]]) -> None:
    assert boxes_of([np.zeros(shape, np.float32) for shape in shapes]) is None


def test_what_is_no_detector_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_text("no model")
    with pytest.raises(ModelError, match="cannot open the detector"):
        Detector(tmp_path / "no.onnx", 1)
    copy = [helper.make_node("Identity", ["image"], ["boxes"])]
    gray = write(tmp_path / "g.onnx", copy, ["boxes"], {}, (TensorProto.FLOAT, [1, 1, "h", "w"]))
    with pytest.raises(ModelError, match="has the inputs image tensor"):
        Detector(gray, 1)
    same = write(tmp_path / "s.onnx", copy, ["boxes"], {}, (TensorProto.FLOAT, [1, 3, "h", "w"]))
    with pytest.raises(ModelError, match=r"returned outputs of \(1, 3, 32, 32\)\. A detector"):
        Detector(same, 1)(IMAGE)
