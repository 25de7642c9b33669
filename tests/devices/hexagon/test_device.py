"""Qualcomm's HTP, emulated: numerics, placement, refusals, and no times."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import numpy as np
import onnx
import pytest

from edge_imgq.cli.main import main
from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.devices.find_device import find_device
from edge_imgq.devices.hexagon import device as hexagon
from edge_imgq.devices.hexagon.device import SOCS, HexagonDevice
from edge_imgq.errors import DeviceError, UnsupportedOperatorError, UsageError
from edge_imgq.skipped import Skipped
from tests.devices.conftest import NETWORKS

ABSENT = not hexagon.look()[0].is_available
needs_extra = pytest.mark.skipif(ABSENT, reason="onnxruntime-qnn is not installed")


def test_a_chip_that_nobody_knows_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"no Hexagon chip 'sm1'\. There are sm8450, .*sm8850"):
        find_device("hexagon:sm1")


@pytest.mark.skipif(not ABSENT, reason="onnxruntime-qnn is installed")
def test_without_the_extra_it_is_skipped_and_says_what_to_install(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = find_device("hexagon")
    assert isinstance(found, Skipped)
    assert "pip install 'onnxruntime-qnn>=2.7,<3'" in found.reason
    file = tmp_path / "onnx-int8.onnx"
    file.touch()
    assert main(["bench", str(file), "--device", "hexagon", "--json"]) == 7
    (row,) = json.loads(capsys.readouterr().out)
    assert "onnxruntime-qnn>=2.7,<3" in row["latency"]["skipped"]


def quantized_model(operator: str) -> onnx.ModelProto:
    """Return conv → operator → relu in QDQ form, taking an image of any size."""
    text = f"""
    <ir_version: 10, opset_import: ["" : 21]> odd (float[1,3,H,W] x) => (float[1,3,H,W] y)
    <float s = {{0.0039}}, uint8 z = {{0}}, float ws = {{0.01}}, int8 wz = {{0}}> {{
      [qx] xq = QuantizeLinear(x, s, z) [dx] xd = DequantizeLinear(xq, s, z)
      [dw] wd = DequantizeLinear(w, ws, wz)
      [first] c = Conv <pads = [1, 1, 1, 1]> (xd, wd)
      [qc] cq = QuantizeLinear(c, s, z) [dc] cd = DequantizeLinear(cq, s, z)
      [odd_one] e = {operator}(cd)
      [qe] eq = QuantizeLinear(e, s, z) [de] ed = DequantizeLinear(eq, s, z)
      [last] r = Relu(ed)
      [qr] rq = QuantizeLinear(r, s, z) [dr] y = DequantizeLinear(rq, s, z)
    }}
    """
    model = onnx.parser.parse_model(text)
    weights = np.random.default_rng(3).integers(-60, 60, (3, 3, 3, 3)).astype(np.int8)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    return model


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    contract = ImageContract("image-to-image", 1, "rgb")
    note = FileNote("odd", "onnx-int8", contract, "0", "a" * 64, "b" * 64)
    for key, value in note.to_strings().items():
        model.metadata_props.add(key=key, value=value)
    path = folder / "onnx-int8.onnx"
    onnx.save(model, path)
    return path


def test_the_program_that_compiles_for_the_npu_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def started(_name: str, command: list[str]) -> NoReturn:
        commands.append(command)
        raise DeviceError("started")

    monkeypatch.setattr(hexagon, "Worker", started)
    with pytest.raises(DeviceError, match="started"):
        HexagonDevice("sm8750").open(saved(quantized_model("Sigmoid"), tmp_path), 1)
    ((_, dash_m, module),) = commands
    assert dash_m == "-m"
    assert find_spec(module) is not None


@pytest.mark.device
@needs_extra
def test_an_operator_that_the_npu_refuses_is_named_with_its_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device = find_device("hexagon")
    assert not isinstance(device, Skipped)
    path = saved(quantized_model("Erf"), tmp_path)
    with pytest.raises(UnsupportedOperatorError, match=r"it refuses Erf \(node 'odd_one'\)\.$"):
        device.open(path, 1)
    assert main(["bench", str(path), "--device", "hexagon"]) == UnsupportedOperatorError.exit_code
    assert "Erf (node 'odd_one')" in " ".join(capsys.readouterr().out.split())


@pytest.mark.device
@needs_extra
def test_anyones_quantized_model_is_tried_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx.save(quantized_model("Erf"), tmp_path / "odd.onnx")
    onnx.save(quantized_model("Sigmoid"), tmp_path / "even.onnx")
    words = ["bench", str(tmp_path / "odd.onnx"), str(tmp_path / "even.onnx")]
    assert main([*words, "--device", "hexagon", "--json"]) == UnsupportedOperatorError.exit_code
    odd, even = json.loads(capsys.readouterr().out)
    assert "it refuses Erf (node 'odd_one')" in odd["latency"]["skipped"]
    assert "emulated" in even["latency"]["skipped"]


@pytest.mark.device
@needs_extra
@pytest.mark.parametrize("soc", ["sm8450", "sm8850"])
def test_the_emulator_computes_what_onnx_runtime_computes(soc: str, tmp_path: Path) -> None:
    from edge_imgq.runtime.open import open_session

    device = find_device(f"hexagon:{soc}")
    assert not isinstance(device, Skipped)
    path = saved(quantized_model("Sigmoid"), tmp_path)
    pixels = np.random.default_rng(5).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    session = device.open(path, 1)
    try:
        result = session.run(pixels).astype(int)
        assert SOCS[soc].name in str(session.identity)
        place = session.placement()
        assert not isinstance(place, Skipped)
        assert (place.operators, place.delegated, place.partitions) == (3, 3, 1)
        time = session.latency((96, 96))
        assert isinstance(time, Skipped)
        assert "not the phone's" in time.reason
        assert len(session.measure_times(runs=2, warm_up=0)) == 2
    finally:
        session.close()
    expected = open_session(path).run(pixels).astype(int)
    assert np.abs(result - expected).max() <= 3


@pytest.mark.device
@pytest.mark.slow
@needs_extra
@pytest.mark.parametrize("name", NETWORKS)
def test_the_default_networks_are_placed_whole_and_stay_near(
    name: str, zoo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["verify", str(zoo / name), "--device", "hexagon", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (target,) = report["targets"]
    assert target["target"] == "onnx-int8"
    assert target["placement"]["delegated"] == target["placement"]["operators"] > 10
    assert target["vs_host"]["psnr"] >= 45
    assert "not the phone's" in target["latency"]["skipped"]
    assert {file["file"] for file in report["not_run"]} == {
        "tflite-int8.tflite", "tflite-float.tflite"
    }  # fmt: skip
