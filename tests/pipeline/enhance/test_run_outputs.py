"""Every output of a file in the model's numbers, as ONNX Runtime gives those of the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image

import edge_imgq as eiq
from edge_imgq.errors import ImageError, UsageError
from tests.port_networks import IMAGE, from_mosaic, write

PHOTO = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
SIZE = [(32, 48)]


def returning_more(path: Path) -> Path:
    """Write a network of a strength and a state to a picture, the state and a mean in percent."""
    nodes = [
        helper.make_node("Add", ["image", "h_in"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["h_out"]),
        helper.make_node("Mul", ["h_out", "strength"], ["out"]),
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Mul", ["flat", "hundred"], ["percent"]),
    ]
    ports = [IMAGE, ("h_in", (1, 3, "h", "w")), ("strength", (1,))]
    write(path, nodes, ports, 3, {"half": np.array([0.5]), "hundred": np.array([100.0])})
    model = onnx.load(path)
    shapes = {"h_out": (1, 3, "oh", "ow"), "percent": (1, 3)}
    for name, shape in shapes.items():
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return returning_more(tmp_path_factory.mktemp("more") / "more.onnx")


@pytest.fixture(scope="module")
def made(model: Path) -> eiq.ModelResult:
    for folder, pixels in (("calibration", PHOTO), ("images", PHOTO[::-1])):
        (model.parent / folder).mkdir()
        Image.fromarray(pixels).save(model.parent / folder / f"of-{folder}.png")
    return eiq.export(
        model,
        calibration=model.parent / "calibration",
        images=model.parent / "images",
        targets=["onnx-float", "tflite-int8"],
        output=model.parent,
        sizes=SIZE,
        scheme="int8-fast",
        output_name=["out", "h_out", "percent=vector:0..100"],
        bench=False,
    )


def wanted(model: Path, state: np.ndarray, strength: float) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model)
    feeds = {
        "image": (PHOTO.transpose(2, 0, 1)[np.newaxis] / 255).astype(np.float32),
        "h_in": state.transpose(2, 0, 1)[np.newaxis].astype(np.float32),
        "strength": np.array([strength], np.float32),
    }
    out, h_out, percent = session.run(["out", "h_out", "percent"], feeds)
    return {"image": out[0].transpose(1, 2, 0), "h_out": h_out[0].transpose(1, 2, 0),
            "percent": percent[0]}  # fmt: skip


@pytest.mark.parametrize(("target", "off"), [("onnx-float", 1e-5), ("tflite-int8", 0.02)])
def test_every_output_is_in_the_model_s_numbers_from_frame_to_frame(
    model: Path, made: eiq.ModelResult, target: str, off: float
) -> None:
    file = eiq.open_file(made[target])
    state, states = np.zeros((32, 48, 3)), {}
    for _ in range(2):
        found = file.run_all(PHOTO, settings={"strength": 0.7}, states=states)
        expected = wanted(model, state, 0.7)
        assert list(found) == ["image", "h_out", "percent"]
        assert found["image"].dtype == np.uint8
        levels = np.rint(expected["image"] * 255)
        assert np.abs(found["image"] - levels).max() <= max(1, off * 255)
        np.testing.assert_allclose(found["h_out"], expected["h_out"], atol=off)
        np.testing.assert_allclose(found["percent"], expected["percent"], atol=100 * off)
        assert found["percent"].shape == (3,)
        state, states = expected["h_out"], {"h_in": found["h_out"]}


def test_what_is_missing_or_of_another_form_is_told(made: eiq.ModelResult) -> None:
    file = eiq.open_file(made["onnx-float"])
    with pytest.raises(UsageError, match="strength=NUMBER"):
        file.run_all(PHOTO)
    said = {"strength": 0.7}
    with pytest.raises(UsageError, match="'h' is not a state of this file; its states: 'h_in'"):
        file.run_all(PHOTO, settings=said, states={"h": np.zeros((32, 48, 3))})
    with pytest.raises(UsageError, match=r"'h_in' is \(height, width, 3\)"):
        file.run_all(PHOTO, settings=said, states={"h_in": np.zeros((32, 48))})
    with pytest.raises(ImageError, match="the photograph 32x48"):
        file.run_all(PHOTO, settings=said, states={"h_in": np.zeros((16, 48, 3))})
    with pytest.raises(ImageError, match=r"takes uint8 \(height, width, 3\)"):
        file.run_all(PHOTO[..., :2], settings=said)


def test_planes_of_a_mosaic_are_taken_as_they_are(tmp_path: Path) -> None:
    made = eiq.export(
        from_mosaic(tmp_path / "mosaic.onnx"),
        targets="onnx-float",
        output=tmp_path,
        sizes=[(16, 24)],
        bench=False,
    )
    file = eiq.open_file(made["onnx-float"])
    planes = PHOTO[::2, ::2, 0], PHOTO[::2, 1::2, 1], PHOTO[1::2, ::2, 1], PHOTO[1::2, 1::2, 2]
    (of_photo,) = file.run_all(PHOTO).values()
    (of_planes,) = file.run_all(np.stack(planes, axis=2)).values()
    assert of_photo.shape == (32, 48, 3)
    np.testing.assert_array_equal(of_planes, of_photo)
