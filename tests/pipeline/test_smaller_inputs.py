"""Masks and states at a fraction of the image's height and width: against the given file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

import edge_imgq
from edge_imgq.errors import ImageError, ModelError
from tests.fraction_networks import with_half_mask, with_quarter_state

pytestmark = pytest.mark.usefixtures("small_patches")

SIZE = (32, 48)
FLOAT = ("onnx-float", "tflite-float")
INT8 = ("tflite-int8", "coreml-int8")


def exported(path: Path, calibration: Path, *targets: str) -> edge_imgq.ModelResult:
    pixels = np.random.default_rng(1).integers(40, 200, (48, 64, 3), np.uint8)
    (path.parent / "photos").mkdir()
    Image.fromarray(pixels).resize((96, 72)).save(path.parent / "photos" / "photo.png")
    return edge_imgq.export(
        path,
        calibration=calibration,
        images=path.parent / "photos",
        targets=targets,
        sizes=SIZE,
        scheme="int8-fast",
        output=path.parent / "artifacts",
        bench=False,
    )


@pytest.fixture(scope="module")
def masked(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> edge_imgq.ModelResult:
    path = with_half_mask(tmp_path_factory.mktemp("mask") / "mask.onnx")
    return exported(path, photos / "calibration", *FLOAT, *INT8)


@pytest.fixture(scope="module")
def recurrent(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> edge_imgq.ModelResult:
    path = with_quarter_state(tmp_path_factory.mktemp("state") / "state.onnx")
    return exported(path, photos / "calibration", "onnx-float", "tflite-int8")


def run(model: Path, feeds: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    results: list[NDArray[np.float32]] = onnxruntime.InferenceSession(model).run(None, feeds)
    return results


def batch(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255


@pytest.mark.parametrize("network", ["masked", "recurrent"])
def test_every_target_takes_the_smaller_input(network: str, request: pytest.FixtureRequest) -> None:
    result: edge_imgq.ModelResult = request.getfixturevalue(network)
    assert not result.report.failed
    for target in result.report.targets:
        least = 40 if target.target in INT8 else 75
        assert target.vs_reference.worst > least, target.target
    (port,) = result.report.contract.further
    assert port.downscale == (2 if network == "masked" else 4)
    assert result.report.contract.multiple == port.downscale


def test_a_file_takes_the_input_at_its_own_sides(masked: edge_imgq.ModelResult) -> None:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(masked.folder / "tflite-float.tflite")).get_signature_runner()
    shapes = {name: tuple(d["shape"]) for name, d in runner.get_input_details().items()}
    assert shapes == {"image": (1, 32, 48, 3), "mask": (1, 16, 24, 1)}
    generator = np.random.default_rng(1)
    image = generator.random((1, 3, *SIZE)).astype(np.float32)
    mask = generator.integers(0, 2, (1, 1, 16, 24)).astype(np.float32)
    (wanted,) = run(masked.folder.parent.parent / "mask.onnx", {"image": image, "mask": mask})
    found = runner(image=image.transpose(0, 2, 3, 1), mask=mask.transpose(0, 2, 3, 1))
    result = found["image_out"].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(result, wanted, atol=2e-5)


@pytest.mark.parametrize("drawn", [(50, 76), (25, 38)])
def test_a_mask_is_given_as_large_as_the_photograph_or_as_the_network_takes_it(
    masked: edge_imgq.ModelResult, tmp_path: Path, drawn: tuple[int, int]
) -> None:
    generator = np.random.default_rng(2)
    photo = generator.integers(0, 256, (50, 76, 3), np.uint8)
    small = generator.integers(0, 2, (25, 38, 1), np.uint8) * 255
    mask = small if drawn == (25, 38) else small.repeat(2, 0).repeat(2, 1)
    Image.fromarray(mask[..., 0]).save(tmp_path / "mask.png")
    found = edge_imgq.enhance(
        photo,
        masked.folder / "onnx-float.onnx",
        settings={"mask": str(tmp_path / "mask.png")},
    )
    model = masked.folder.parent.parent / "mask.onnx"
    (wanted,) = run(model, {"image": batch(photo), "mask": batch(small)})
    levels = np.clip(wanted[0].transpose(1, 2, 0), 0, 1) * 255
    np.testing.assert_allclose(found, levels, atol=0.51)


def test_a_photograph_of_odd_sides_is_taken(masked: edge_imgq.ModelResult, tmp_path: Path) -> None:
    Image.new("L", (77, 51), 255).save(tmp_path / "mask.png")
    photo = np.random.default_rng(3).integers(0, 256, (51, 77, 3), np.uint8)
    settings = {"mask": str(tmp_path / "mask.png")}
    for name in ("onnx-float.onnx", "tflite-int8.tflite"):
        found = edge_imgq.enhance(photo, masked.folder / name, settings=settings)
        assert found.shape == photo.shape
    Image.new("L", (60, 51)).save(tmp_path / "mask.png")
    with pytest.raises(ImageError, match="may have 1/2 of these sides"):
        edge_imgq.enhance(photo, masked.folder / "onnx-float.onnx", settings=settings)


def test_a_state_is_passed_to_the_next_frame_at_its_own_sides(
    recurrent: edge_imgq.ModelResult, tmp_path: Path
) -> None:
    generator = np.random.default_rng(4)
    photos = [generator.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(3)]
    for place, photo in enumerate(photos):
        Image.fromarray(photo).save(tmp_path / f"{place}.png")
    edge_imgq.enhance_files(
        sorted(tmp_path.glob("*.png")), recurrent.folder / "onnx-float.onnx", tmp_path / "out"
    )
    state = np.zeros((1, 8, 16, 24), np.float32)
    model = recurrent.folder.parent.parent / "state.onnx"
    for place, photo in enumerate(photos):
        wanted, state = run(model, {"image": batch(photo), "h_in": state})
        with Image.open(tmp_path / "out" / f"{place}.png") as image:
            found = np.asarray(image, np.float64)
        levels = np.clip(wanted[0].transpose(1, 2, 0), 0, 1) * 255
        # The state lies between frames in 8 bits of its range of 2.
        np.testing.assert_allclose(found, levels, atol=1.5)


def test_drift_of_a_smaller_state_is_that_after_thirty_frames(
    recurrent: edge_imgq.ModelResult,
) -> None:
    (state,) = recurrent.report.contract.states
    assert (state.name, state.fed_by, state.downscale) == ("h_in", "h_out", 4)
    target = next(t for t in recurrent.report.targets if t.target == "tflite-int8")
    assert [growth.frames for growth in target.growth] == [1, 2, 5, 10, 30]


@pytest.mark.parametrize("network", ["masked", "recurrent"])
def test_check_holds_the_files_to_a_baseline(network: str, request: pytest.FixtureRequest) -> None:
    result: edge_imgq.ModelResult = request.getfixturevalue(network)
    edge_imgq.update_baseline(result.folder, result.folder / "baseline.json")
    assert edge_imgq.check(result.folder, result.folder / "baseline.json").passes


def test_fixed_sides_tell_the_fraction_and_odd_ones_are_refused(tmp_path: Path) -> None:
    model = onnx.load(with_half_mask(tmp_path / "mask.onnx"))
    for value, sides in zip(model.graph.input, ((32, 48), (16, 24)), strict=True):
        for dimension, side in zip(value.type.tensor_type.shape.dim[2:], sides, strict=True):
            dimension.dim_value = side
    onnx.save(model, tmp_path / "fixed.onnx")
    (port,) = edge_imgq.open(tmp_path / "fixed.onnx").contract.further
    assert (port.kind, port.downscale) == ("mask", 2)
    model.graph.input[1].type.tensor_type.shape.dim[2].dim_value = 10
    onnx.save(model, tmp_path / "odd.onnx")
    with pytest.raises(ModelError, match="takes 'mask' of 10x24 beside an image of 32x48"):
        edge_imgq.open(tmp_path / "odd.onnx")
