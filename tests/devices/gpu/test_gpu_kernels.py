"""LiteRT's GPU kernels themselves, where they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edge_imgq.cli.main import main
from edge_imgq.devices.gpu.bisect import WrongOperator, first_wrong
from tests.devices.conftest import NETWORKS
from tests.devices.gpu.build import needs_gpu, noise, opened, tampered, verified


@pytest.mark.device
@pytest.mark.slow
@needs_gpu
@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_right_in_both_precisions(
    name: str, zoo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (target,) = verified(zoo / name / "tflite-float.tflite", capsys)["targets"]
    assert target["placement"]["fallback"] == []
    assert target["gpu"]["float16"] > 55
    assert target["gpu"]["float32"] > 90


@pytest.mark.device
@needs_gpu
@pytest.mark.usefixtures("kernels")
def test_the_kernels_themselves_are_caught(
    loud: Path, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = verified(loud, capsys, code=9)["not_run"]
    assert "returns NaN or infinity: 'calm" in row["reason"]
    assert "float16 ends at 65504" in row["reason"]
    file = small / "tiny" / "tflite-float.tflite"
    copy, wrong = tampered(file, tmp_path)
    session = opened(copy)
    found = first_wrong(session, noise(session), 90, True, file)
    assert isinstance(found, WrongOperator)
    assert found.tensor == wrong
    session.close()


@pytest.mark.device
@needs_gpu
@pytest.mark.usefixtures("kernels")
def test_an_operator_that_only_makes_differences_large_is_not_called_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["" : 21]>
        brittle (float[1, 3, 32, 40] image) => (float[1, 3, 32, 40] out) {
          [first] a = Conv <pads = [1, 1, 1, 1]> (image, w) [rounding] b = Round(a)
          [second] c = Conv <pads = [1, 1, 1, 1]> (b, w) [sign] d = Sign(c)
          [third] e = Conv <pads = [1, 1, 1, 1]> (d, w) [last] out = Sigmoid(e)
        }"""
    )
    kernel = np.random.default_rng(3).normal(0, 0.3, (3, 3, 3, 3)).astype(np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(kernel, "w"))
    onnx.save(model, tmp_path / "brittle.onnx")
    words = ["export", str(tmp_path / "brittle.onnx"), "--target", "tflite-float"]
    main([*words, "--no-bench", "--output", str(tmp_path), "--json"])
    file = tmp_path / "brittle" / "tflite-float.tflite"
    (target,) = verified(file, capsys, code=1)["targets"]
    assert target["gpu"]["float16"] < 45
    assert target["gpu"]["float32"] > 90
    assert "they make small differences large" in target["gpu"]["operator"]["skipped"]


BY_ONE = """sides = Constant<value_ints = [0, 0, 1, 1, 0, 0, 1, 1]>()
    fill = Constant<value = float"""


@pytest.mark.device
@pytest.mark.slow
@needs_gpu
@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(
    ("body", "operator"),
    [
        ("y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1>(a)", "AVERAGE"),
        ("y = Conv<pads=[1,1,1,1], group=3>(a, g)", "CONV_2D"),
        ("p, q = Split<axis=1, num_outputs=2>(a) y = Sub(p, q)", "SUB"),
        (f"{BY_ONE} {{0.75}}>() p = Pad(a, sides, fill) y = Conv(p, k)", "CONV_2D"),
        (f"{BY_ONE} {{0.0}}>() p = Pad(a, sides, fill) y = MaxPool<kernel_shape=[3,3]>(p)", "MAX"),
    ],
)
def test_what_litert_computes_wrongly_is_named_and_not_written_for_gpus(
    body: str, operator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = 3 if operator == "SUB" else 6
    assert exported(body, inner, tmp_path, "tflite-gpu", "tflite-float")["float32"] > 90
    file = tmp_path / "form" / "tflite-float.tflite"
    (target,) = verified(file, capsys, code=1)["targets"]
    assert target["gpu"]["float32"] < 60
    assert target["gpu"]["operator"]["operator"].startswith(operator)


@pytest.mark.device
@needs_gpu
@pytest.mark.usefixtures("kernels")
def test_a_quotient_of_six_channels_is_no_nan_in_the_two_that_are_stored_beside_them(
    tmp_path: Path,
) -> None:
    """Those are 0 / 0, and the last convolution reads them: its outputs were all NaN."""
    body = "q = Abs(a) m = GlobalMaxPool(q) y = Div(a, m)"
    assert exported(body, 6, tmp_path, "tflite-gpu")["float32"] > 90


def exported(body: str, inner: int, folder: Path, *targets: str) -> dict[str, Any]:
    """Export a network between two convolutions; return what is known of its file for GPUs."""
    model = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["" : 21]>
        form (float[1, 3, 32, 40] image) => (float[1, 3, 32, 40] out) {{
          [first] a = Conv<pads=[1,1,1,1]>(image, w) {body} [last] z = Conv<pads=[1,1,1,1]>(y, v)
          [squash] out = Sigmoid(z)
        }}"""
    )
    shapes = {"w": (6, 3, 3, 3), "g": (6, 2, 3, 3), "k": (6, 6, 3, 3), "v": (3, inner, 3, 3)}
    for name, shape in shapes.items():
        values = np.random.default_rng(4).normal(0, 0.4, shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    onnx.save(model, folder / "form.onnx")
    words = ["export", str(folder / "form.onnx"), "--target", *targets]
    assert main([*words, "--no-bench", "--output", str(folder), "--json"]) == 0
    report = json.loads((folder / "form" / "report.json").read_text())
    (found,) = (t["gpu"] for t in report["targets"] if t["target"] == "tflite-gpu")
    assert isinstance(found, dict)
    return found
