"""Convolutions of integers in ncnn, against ONNX Runtime on the QDQ graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.runtime.ncnn_file import INTEGERS, read_pair
from edge_imgq.runtime.open import open_session

CONTRACT = ImageContract("image-to-image", 1, "rgb")
SIZE = (14, 18)
FUNCTIONS = functions_of("ncnn")
SEED = 5


def qdq_model(zero: int = 0) -> onnx.ModelProto:
    """Return a QDQ graph: a convolution of the image, one of 8 channels, a depthwise one, one more.

    Args:
        zero: point of what is between them.
    """
    generator = np.random.default_rng(SEED)
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, Any] = {}

    def between(name: str, scale: float, zero: int) -> str:
        constants[f"{name}.s"], constants[f"{name}.z"] = np.float32(scale), np.int8(zero)
        names = [f"{name}.s", f"{name}.z"]
        nodes.append(helper.make_node("QuantizeLinear", [name, *names], [f"{name}.q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}.q", *names], [f"{name}.r"]))
        return f"{name}.r"

    def convolution(x: str, result: str, shape: tuple[int, ...], x_scale: float, group: int) -> str:
        weights = generator.integers(-127, 128, shape).astype(np.int8)
        scales = (0.002 + 0.001 * generator.random(shape[0])).astype(np.float32)
        constants.update({
            f"{result}.wq": weights, f"{result}.ws": scales,
            f"{result}.wz": np.zeros(shape[0], np.int8),
            f"{result}.bq": generator.integers(-900, 900, shape[0]).astype(np.int32),
            f"{result}.bs": (scales * np.float32(x_scale)).astype(np.float32),
            f"{result}.bz": np.zeros(shape[0], np.int32),
        })  # fmt: skip
        for part in "wb":
            operands = [f"{result}.{part}{what}" for what in "qsz"]
            nodes.append(
                helper.make_node("DequantizeLinear", operands, [f"{result}.{part}"], axis=0)
            )
        operands = [x, f"{result}.w", f"{result}.b"]
        nodes.append(
            helper.make_node("Conv", operands, [result], name=result, pads=[1] * 4, group=group)
        )
        return result

    x = between("x", 1 / 255, -128)
    one = between(convolution(x, "one", (8, 3, 3, 3), 1 / 255, 1), 0.0307, zero)
    convolved = convolution(one, "two", (8, 8, 3, 3), 0.0307, 1)
    nodes.append(helper.make_node("Relu", [convolved], ["r"]))
    two = between("r", 0.0613, zero)
    three = between(convolution(two, "three", (8, 1, 3, 3), 0.0613, 8), 0.0511, zero)
    between(convolution(three, "y", (3, 8, 3, 3), 0.0511, 1), 1 / 255, -128)
    nodes[-1].output[0] = "result"
    image = [1, 3, *SIZE]
    graph = helper.make_graph(
        nodes,
        "integers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, image)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 21)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def written(path: Path, zero: int = 0) -> Path:
    note = FileNote("tiny", "ncnn-int8", CONTRACT, "0.0")
    graph = PreparedGraph(ir.from_proto(qdq_model(zero)))
    FUNCTIONS.write(graph, ExportSpec((SIZE,), note), path)
    return path


def unpacked(network: Callable[[], Any]) -> Callable[[], Any]:
    """Let networks of ncnn compute channel by channel, without packed layouts."""

    def make() -> Any:
        made = network()
        made.opt.use_packing_layout = False
        return made

    return make


def test_integers_are_those_of_onnx_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed layouts are left out: on an Intel Xeon with AMX, ncnn 1.0.20261020 is up to three
    levels off with them in 11 of these 756 values, and in none without."""
    monkeypatch.setattr("ncnn.Net", unpacked(ncnn.Net))
    pixels = np.random.default_rng(SEED).integers(0, 256, (*SIZE, 3), np.uint8)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(qdq_model().SerializeToString(), options)
    values = (pixels.astype(np.float32) / 255).transpose(2, 0, 1)[np.newaxis]
    (wanted,) = session.run(None, {"x": values})
    got = open_session(written(tmp_path / "ncnn-int8.param")).run(pixels)
    off = np.abs(got.astype(int) - np.rint(wanted[0] * 255).transpose(1, 2, 0))
    assert np.rint(wanted * 255).std() > 8, "the output is too flat to show anything"
    assert off.max() <= 1, f"seed {SEED}"
    assert np.mean(off == 0) > 0.995, f"seed {SEED}"


def test_weights_are_the_graphs_integers_and_convolutions_hand_integers_on(tmp_path: Path) -> None:
    pair = read_pair(written(tmp_path / "m.param"))
    one, two, three, last = (line for line in pair.lines if line.kind.startswith("Convolution"))
    assert [line.in_integers for line in (one, two, three, last)] == [False, True, True, True]
    assert [line.returns_integers for line in (one, two, three, last)] == [
        False, True, True, False
    ]  # fmt: skip
    assert (two.parameters[8], three.parameters[8], last.parameters[8]) == ("102", "101", "2")
    stored = {t.name: numpy_helper.to_array(t) for t in qdq_model().graph.initializer}
    weights, bias, scales, image, result = pair.arrays()[two.name]
    assert weights.dtype == np.int8
    assert np.array_equal(weights, stored["two.wq"].ravel())
    np.testing.assert_allclose(bias, stored["two.bq"] * stored["two.bs"], rtol=1e-6)
    np.testing.assert_allclose(scales, 1 / stored["two.ws"], rtol=1e-6)
    np.testing.assert_allclose([image[0], result[0]], [1 / 0.0307, 1 / 0.0613], rtol=1e-6)
    assert INTEGERS.to_bytes(4, "little") in pair.weights


def test_what_is_described_leaves_scales_out(tmp_path: Path) -> None:
    described = FUNCTIONS.describe(written(tmp_path / "m.param"), None)
    rows = [row for row in described.operators if row.kind.startswith("Convolution")]
    assert [row.dtype for row in rows] == ["float32", "int8", "int8", "float32"]
    assert [row.parameters for row in rows] == [8 * 28, 8 * 73, 8 * 10, 3 * 73]


def test_scales_with_zero_points_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--scheme int8-symmetric"):
        written(tmp_path / "m.param", zero=-3)
    assert list(tmp_path.iterdir()) == []
