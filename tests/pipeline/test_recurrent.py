"""Networks that hand a state from frame to frame: files against the person's own file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

import edge_imgq
from edge_imgq.errors import UsageError
from edge_imgq.report.report_table import report_table
from tests.several_networks import recurrent

HEIGHT, WIDTH = 48, 64
pytestmark = pytest.mark.usefixtures("small_patches")

FRAMES = 30

Pixels = NDArray[np.uint8]


def drawn(seed: int) -> Pixels:
    """Return waves of three colours, others for each seed."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin(x / (5 + seed) + c) + np.cos(y / (7 + seed) - c) for c in range(3)]
    return (np.stack(waves, 2) * 55 + 128).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> edge_imgq.ModelResult:
    folder = tmp_path_factory.mktemp("recurrent")
    return edge_imgq.export(
        recurrent(folder / "recurrent.onnx"),
        targets=["onnx-float", "tflite-float", "tflite-int8"],
        sizes=(HEIGHT, WIDTH),
        scheme="int8-fast",
        output=folder / "artifacts",
        calibration=[drawn(seed) for seed in range(2, 8)],
        images=[drawn(seed) for seed in range(2)],
        bench=False,
    )


def by_the_given_file(
    result: edge_imgq.ModelResult, frames: list[Pixels]
) -> list[NDArray[np.float32]]:
    """Return the pictures (H, W, 3) of frames, 0 to 1, by ONNX Runtime on the file as given."""
    session = onnxruntime.InferenceSession(result.folder.parent.parent / "recurrent.onnx")
    state, pictures = np.zeros((1, 8, HEIGHT, WIDTH), np.float32), []
    for frame in frames:
        image = frame.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
        out, state = session.run(["out", "h_out"], {"image": image, "h_in": state})
        pictures.append(out[0].transpose(1, 2, 0))
    return pictures


def test_a_state_is_told_by_its_names_and_has_one_range(exported: edge_imgq.ModelResult) -> None:
    contract = exported.report.contract
    (taken,), (returned,) = contract.further, contract.others
    assert (taken.name, taken.kind, taken.fed_by) == ("h_in", "state", "h_out")
    assert (returned.name, returned.kind) == ("h_out", "state")
    assert (taken.low, taken.high) == (returned.low, returned.high)
    assert taken.low == (0.0,)  # it ends in a Relu


def test_drift_is_measured_after_thirty_frames_and_its_growth_shown(
    exported: edge_imgq.ModelResult,
) -> None:
    found = {target.target: target for target in exported.report.targets}
    assert set(found) == {"onnx-float", "tflite-float", "tflite-int8"}
    for name, target in found.items():
        assert [growth.frames for growth in target.growth] == [1, 2, 5, 10, 30]
        assert target.vs_reference.mean == pytest.approx(target.growth[-1].vs_reference)
        assert target.vs_reference.worst > (45 if name == "tflite-int8" else 80), target
        assert target.others[0].kind == "state"
        assert target.others[0].vs_reference.worst > (45 if name == "tflite-int8" else 90)
    text = " ".join(report_table(exported.report).split())
    assert "handed on from 'h_out' and beginning with byte 0" in text
    assert "tflite-int8: dB by frames: " in text


def test_an_app_hands_the_bytes_of_a_state_back_as_they_are(
    exported: edge_imgq.ModelResult,
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(exported.folder / "tflite-int8.tflite"))
    image, taken = interpreter.get_input_details()
    picture, returned = interpreter.get_output_details()
    assert taken["quantization"] == returned["quantization"]
    interpreter.allocate_tensors()
    frames = [drawn(0), drawn(1)] * (FRAMES // 2)
    state, found = np.zeros((1, HEIGHT, WIDTH, 8), np.uint8), []
    for frame in frames:
        interpreter.set_tensor(image["index"], frame[np.newaxis])
        interpreter.set_tensor(taken["index"], state)
        interpreter.invoke()
        found.append(interpreter.get_tensor(picture["index"])[0])
        state = interpreter.get_tensor(returned["index"])
    for number, wanted in enumerate(by_the_given_file(exported, frames)):
        error = found[number] - np.clip(wanted, 0, 1) * 255
        assert 10 * np.log10(255**2 / np.mean(error**2)) > 42, number


@pytest.mark.parametrize(("file", "most"), [("onnx-float.onnx", 0.6), ("tflite-int8.tflite", 8)])
def test_enhance_hands_the_state_from_photograph_to_photograph(
    exported: edge_imgq.ModelResult, tmp_path: Path, file: str, most: float
) -> None:
    frames, paths = [drawn(0), drawn(1), drawn(1)], []
    for number, frame in enumerate(frames):
        paths.append(tmp_path / f"frame{number}.png")
        Image.fromarray(frame).save(paths[-1])
    edge_imgq.enhance_files(paths, exported.folder / file, tmp_path / "out")
    results = [np.asarray(Image.open(tmp_path / "out" / path.name), np.float64) for path in paths]
    for found, wanted in zip(results, by_the_given_file(exported, frames), strict=True):
        np.testing.assert_allclose(found, np.clip(wanted, 0, 1) * 255, atol=most)
    assert (results[1] != results[2]).any()  # one photograph, after another past
    with pytest.raises(UsageError, match="takes one after the other"):
        edge_imgq.enhance_files(paths, exported.folder / file, tmp_path / "other", workers=2)


def test_a_state_of_other_names_is_told_by_its_channels_or_said(tmp_path: Path) -> None:
    path = recurrent(tmp_path / "named.onnx", names=("memory", "kept"))
    for states in ((), ("kept=memory",)):
        contract = edge_imgq.open(path, states=states).contract
        assert [port.fed_by for port in contract.states] == ["kept"]
    with pytest.raises(UsageError, match="no output 'lost'; it has 'out' and 'kept'"):
        edge_imgq.open(path, states=["lost=memory"])
    with pytest.raises(UsageError, match="write OUTPUT=INPUT, such as h_out=h_in"):
        edge_imgq.open(path, states=["kept"])
