"""Scales that are no whole number, and borders lost after enlarging: against the given file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

import edge_imgq
from edge_imgq.report.json_form import report_from_dict, report_to_dict
from tests.fraction_networks import after_enlarging, by_four_thirds, by_half, by_three_halves

pytestmark = pytest.mark.usefixtures("small_patches")

SIZE = (48, 60)
FLOAT = ("onnx-float", "tflite-float")
INT8 = ("tflite-int8", "coreml-int8")
NETWORKS = {
    "three-halves": (by_three_halves, Fraction(3, 2), 2, 0),
    "four-thirds": (by_four_thirds, Fraction(4, 3), 3, 0),
    "half": (by_half, Fraction(1, 2), 2, 0),
    "border": (after_enlarging, 2, 1, 2),
}


@pytest.fixture(scope="module", params=NETWORKS)
def exported(
    request: pytest.FixtureRequest, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> edge_imgq.ModelResult:
    name = request.param
    path = NETWORKS[name][0](tmp_path_factory.mktemp(name) / f"{name}.onnx")
    return edge_imgq.export(
        path,
        targets=[*FLOAT, *INT8],
        calibration=photos / "calibration",
        images=photos / "evaluation",
        sizes=SIZE,
        scheme="int8-fast",
        output=path.parent / "artifacts",
        bench=False,
    )


def own(result: edge_imgq.ModelResult, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the levels that ONNX Runtime makes of an image by the file that was given."""
    contract = result.report.contract
    sides = (contract.border, contract.border)
    wide = np.pad(pixels, (sides, sides, (0, 0)), "reflect")
    model = next(result.folder.parent.parent.glob("*.onnx"))
    image = wide.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
    (found,) = onnxruntime.InferenceSession(model).run(None, {"image": image})
    levels: NDArray[np.float64] = np.clip(found[0].transpose(1, 2, 0), 0, 1) * 255.0
    height, width = contract.result_size((pixels.shape[0], pixels.shape[1]))
    top, left = (levels.shape[0] - height) // 2, (levels.shape[1] - width) // 2
    return levels[top : top + height, left : left + width]


def photo(contract: edge_imgq.ModelResult, size: tuple[int, int]) -> NDArray[np.uint8]:
    channels = contract.report.contract.image_channels
    return np.random.default_rng(4).integers(30, 220, (*size, channels), np.uint8)


def test_the_contract_states_the_scale_and_a_report_keeps_it(
    exported: edge_imgq.ModelResult,
) -> None:
    contract = exported.report.contract
    name = exported.report.model
    assert (contract.scale, contract.multiple, contract.border) == NETWORKS[name][1:]
    assert report_from_dict(report_to_dict(exported.report), "r").contract == contract
    assert (contract.task == "super-resolution") == (contract.scale > 1)


def test_every_target_makes_an_image_of_that_size(exported: edge_imgq.ModelResult) -> None:
    targets = {target.target: target for target in exported.report.targets}
    assert set(targets) == {*FLOAT, *INT8}, (exported.report.failed, exported.report.not_run)
    for name, target in targets.items():
        least = 40 if name in INT8 else 80
        assert target.vs_reference.worst > least, name
    pixels = photo(exported, SIZE)
    for name, most in (("onnx-float.onnx", 0.01), ("tflite-float.tflite", 0.01)):
        file = edge_imgq.open_file(exported.folder / name)
        found = file.run_float((pixels / 255).astype(np.float32)) * 255
        np.testing.assert_allclose(np.clip(found, 0, 255), own(exported, pixels), atol=most)
    found = edge_imgq.open_file(exported.folder / "tflite-int8.tflite").run(pixels)
    np.testing.assert_allclose(found, own(exported, pixels), atol=8)


def test_tiles_of_a_photograph_meet_without_seams(exported: edge_imgq.ModelResult) -> None:
    pixels = photo(exported, (144, 216))  # multiples of every file's
    wanted = own(exported, pixels)
    for name in ("tflite-float.tflite", "onnx-float.onnx"):
        found = edge_imgq.enhance(pixels, exported.folder / name)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, atol=0.51)


def test_a_photograph_of_other_sides_is_made_as_large_as_it_can(
    exported: edge_imgq.ModelResult, tmp_path: Path
) -> None:
    Image.fromarray(np.random.default_rng(5).integers(0, 256, (101, 97, 3), np.uint8)).save(
        tmp_path / "photo.png"
    )
    edge_imgq.enhance_files(
        tmp_path / "photo.png", exported.folder / "tflite-int8.tflite", tmp_path / "out"
    )
    scale = exported.report.contract.scale
    with Image.open(tmp_path / "out" / "photo.png") as image:
        assert (image.height, image.width) == (int(101 * scale), int(97 * scale))
        assert image.mode == "RGB"


def test_check_holds_the_files_to_a_baseline(exported: edge_imgq.ModelResult) -> None:
    baseline = exported.folder / "baseline.json"
    edge_imgq.update_baseline(exported.folder, baseline)
    assert edge_imgq.check(exported.folder, baseline).passes
