"""What a graph's tensors are made by, line by line, in the order of their use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.graph.tensor_digests import tensor_digests

CONSTANTS = {
    "step": np.float32(0.25),
    "zero": np.uint8(3),
    "w": np.arange(36, dtype=np.int8).reshape(4, 1, 3, 3),
    "w.step": np.float32([0.1, 0.2, 0.3, 0.4]),
    "w.zero": np.zeros(4, np.int8),
    "bias": np.float32([1, 2, 3, 4]),
    "after.step": np.float32(0.5),
    "after.zero": np.uint8(0),
    "shape": np.int64([1, 2, -1, 8]),
}


def saved(folder: Path, changes: dict[str, np.ndarray]) -> Path:
    """Save a QDQ graph of one convolution and a reshape; weights are dequantized first."""
    constants = {**CONSTANTS, **changes}
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "w.step", "w.zero"], ["w.real"], axis=0),
        helper.make_node("QuantizeLinear", ["image", "step", "zero"], ["image.codes"]),
        helper.make_node("DequantizeLinear", ["image.codes", "step", "zero"], ["image.real"]),
        helper.make_node("Conv", ["image.real", "w.real", "bias"], ["conv"], pads=[1] * 4),
        helper.make_node("Reshape", ["conv", "shape"], ["out"]),
        helper.make_node("QuantizeLinear", ["out", "after.step", "after.zero"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "after.step", "after.zero"], ["result"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("image", [1, 1, 4, 4]), ("result", [1, 2, 4, 8]))
    ]
    weights = [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    path = folder / "graph.onnx"
    onnx.save(model, path)
    return path


def test_tensors_stand_in_the_order_of_their_use_with_what_they_are_made_by(tmp_path: Path) -> None:
    lines = tensor_digests(saved(tmp_path, {}))
    assert list(lines) == ["image", "w", "bias", "out"]
    assert lines["image"] == "uint8; scale 0.25; zero point 3"
    assert lines["out"] == "uint8; scale 0.5"
    assert lines["w"].startswith("int8 4x1x3x3; values #")
    assert "; scales #" in lines["w"]
    assert lines["bias"].startswith("float32 4; values #")


@pytest.mark.parametrize(
    ("constant", "tensor"),
    [("step", "image"), ("zero", "image"), ("w", "w"), ("w.step", "w"), ("w.zero", "w"),
     ("bias", "bias"), ("after.step", "out")],
)  # fmt: skip
def test_one_changed_bit_changes_that_line_alone(
    tmp_path: Path, constant: str, tensor: str
) -> None:
    before = tensor_digests(saved(tmp_path, {}))
    changed = np.array(CONSTANTS[constant])
    changed.reshape(-1).view(np.uint8)[-1] ^= 1
    after = tensor_digests(saved(tmp_path, {constant: changed}))
    assert [name for name in before if before[name] != after[name]] == [tensor]


def test_a_shape_is_no_tensor_of_a_graph(tmp_path: Path) -> None:
    assert "shape" not in tensor_digests(saved(tmp_path, {}))
