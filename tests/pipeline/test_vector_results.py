"""Networks from an image to numbers: every target, float and int8, against the person's file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import edge_imgq
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.report.report_table import report_table
from edge_imgq.runtime.litert import open_session
from edge_imgq.skipped import Skipped
from edge_imgq.verify.output_range import OutputRange

SIDE = 32
NUMBERS = 3
FLOAT = ("onnx-float", "tflite-float", "coreml-fp16", "ncnn-float")
INT8 = ("onnx-int8", "tflite-int8", "coreml-int8")


def head(path: Path, *, picture: bool) -> Path:
    """Write a network from an RGB image to scores, and to the image too where it is asked for."""
    generator = np.random.default_rng(4)
    arrays = {
        "w": generator.normal(0, 0.3, (8, 3, 3, 3)),
        "v": generator.normal(0, 0.2, (8, 8, 3, 3)),
        "m": generator.normal(0, 6, (8, NUMBERS)),
        "b": np.array([1.0, -2.0, 30.0]),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "v"], ["d"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["d"], ["s"]),
        helper.make_node("GlobalAveragePool", ["s"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "m", "b"], ["scores"]),
        helper.make_node("Identity", ["image"], ["same"]),
    ]
    kinds: list[tuple[str, Sequence[object]]] = [
        ("image", (1, 3, "h", "w")), ("scores", (1, NUMBERS)), ("same", (1, 3, "h", "w")),
    ]  # fmt: skip
    image, scores, same = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in kinds
    )
    constants = [numpy_helper.from_array(a.astype(np.float32), n) for n, a in arrays.items()]
    results = [scores, same] if picture else [scores]
    graph = helper.make_graph(nodes[: 7 + picture], "head", [image], results, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> edge_imgq.ModelResult:
    folder = tmp_path_factory.mktemp("vector")
    return edge_imgq.export(
        head(folder / "head.onnx", picture=True),
        targets=[*FLOAT, *INT8],
        sizes=(SIDE, SIDE),
        scheme="int8-fast",
        output=folder / "artifacts",
        output_name="scores=vector:-10..20,-30..30,20..40",
        bench=False,
    )


def test_every_target_keeps_the_numbers(exported: edge_imgq.ModelResult) -> None:
    found = {target.target: target for target in exported.report.targets}
    assert set(found) == {*FLOAT, *INT8}
    assert not exported.report.failed
    for name, target in found.items():
        numbers = target.numbers
        assert not isinstance(numbers, Skipped)
        assert numbers.port == "scores"
        limits = (1e-5, 1e-5) if name in FLOAT and name != "coreml-fp16" else (0.02, 0.03)
        assert (numbers.relative, numbers.of_range) <= limits, name
        assert isinstance(target.drop, Skipped)


def test_levels_of_a_file_are_the_models_numbers_in_their_ranges(
    exported: edge_imgq.ModelResult,
) -> None:
    port = exported.report.contract.result
    assert port is not None
    assert (port.kind, port.low, port.high) == ("vector", (-10, -30, 20), (20, 30, 40))
    pixels = np.random.default_rng(7).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    own = onnxruntime.InferenceSession(exported.folder.parent.parent / "head.onnx")
    image = pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
    (wanted,) = own.run(["scores"], {"image": image})
    low, high = np.array(port.low), np.array(port.high)
    for name, most in (("tflite-float", 1e-4), ("tflite-int8", 0.6)):
        session = open_session(exported.folder / f"{name}.tflite")
        levels = session.levels(pixels)  # type: ignore[attr-defined]
        assert levels.shape == (1, 1, NUMBERS)
        np.testing.assert_allclose(low + levels[0, 0] / 255 * (high - low), wanted[0], atol=most)
        assert session.note.contract == exported.report.contract


def test_the_float_reference_opens_again_as_what_it_is(exported: edge_imgq.ModelResult) -> None:
    model = edge_imgq.open(exported.folder / "reference" / "float.onnx")
    assert model.contract.result == exported.report.contract.result


def test_a_range_that_nobody_says_holds_what_photographs_reach(tmp_path: Path) -> None:
    model = edge_imgq.open(head(tmp_path / "head.onnx", picture=False))
    port = model.contract.result
    assert port is not None
    (own,) = onnxruntime.InferenceSession(tmp_path / "head.onnx").run(
        None, {"image": np.full((1, 3, SIDE, SIDE), 0.4, np.float32)}
    )
    assert (np.array(port.low) < own[0]).all()
    assert (own[0] < np.array(port.high)).all()


@pytest.fixture(scope="module")
def clipping(tmp_path_factory: pytest.TempPathFactory) -> edge_imgq.ModelResult:
    """The same network with a range that its numbers leave."""
    folder = tmp_path_factory.mktemp("clipping")
    return edge_imgq.export(
        head(folder / "head.onnx", picture=False),
        targets=["onnx-float", "coreml-fp16", "onnx-int8"],
        sizes=(SIDE, SIDE),
        scheme="int8-fast",
        output=folder / "artifacts",
        output_name="scores=vector:1.5..1.6,-90..90,-60..90",
        bench=False,
    )


def test_numbers_outside_the_range_of_the_port_are_warned_of(
    clipping: edge_imgq.ModelResult,
) -> None:
    found = clipping.report.output_range
    assert not isinstance(found, Skipped)
    assert found.below + found.above == pytest.approx(1 / NUMBERS)
    text = " ".join(report_table(clipping.report).split())
    assert "! 33 % of the numbers of 'scores' lie outside the range that it was given" in text
    for target in clipping.report.targets:
        numbers = target.numbers
        assert not isinstance(numbers, Skipped)
        assert (numbers.of_range > 0.5) == (target.target == "onnx-int8"), target
    within = replace(clipping.report, output_range=OutputRange(0.0, 0.0, 0.0))
    assert "outside the range" not in report_table(within)


def test_the_picture_of_the_same_model_is_chosen_by_its_name(tmp_path: Path) -> None:
    path = head(tmp_path / "head.onnx", picture=True)
    assert [port.name for port in edge_imgq.open(path).contract.others] == ["scores"]
    assert edge_imgq.open(path, output_name="same").contract.returns_image
    with pytest.raises(UsageError, match="no output 'score'; it has 'scores' and 'same'"):
        edge_imgq.open(path, output_name="score")


def test_photographs_are_not_enhanced_into_numbers(
    exported: edge_imgq.ModelResult, tmp_path: Path
) -> None:
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    with pytest.raises(ModelError, match="returns no image but a vector 'scores' of 3 numbers"):
        edge_imgq.enhance(pixels, exported.folder / "tflite-int8.tflite")


def test_a_bundle_states_the_numbers_that_come_out(
    exported: edge_imgq.ModelResult, tmp_path: Path
) -> None:
    edge_imgq.bundle(exported.folder, tmp_path / "bundle")
    contract = json.loads((tmp_path / "bundle" / "contract.json").read_text())
    assert contract["output"]["name"] == "scores"
    assert contract["output"]["kind"] == "vector"
