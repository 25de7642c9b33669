"""Which tensor of a file is off: what saturates in integers is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.pipeline.check.first_difference import (
    first_differing_tensor,
    is_as_near_as_its_graph,
)
from edge_imgq.runtime.written_tensor import WrittenTensor
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Fidelity
from tests.report.build import with_target

STEP = np.float32(1 / 255)
FLOAT, DBS = Skipped("a float file has no quantization"), (73.0, 41.0)


def sharpened(folder: Path) -> Path:
    """Write a QDQ graph that trebles its image; its last tensor has another name in steps."""
    constants = {"three": np.float32(3), "step": STEP, "zero": np.uint8(0)}
    nodes = [
        helper.make_node("Mul", ["image", "three"], ["bright"]),
        helper.make_node("QuantizeLinear", ["bright", "step", "zero"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "step", "zero"], ["result"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, "h", "w"])
        for name in ("image", "result")
    ]
    weights = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    ]
    graph = helper.make_graph(nodes, "sharpened", ends[:1], ends[1:], weights)
    path = folder / "graph.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path
    )
    return path


def test_values_that_saturate_in_the_graph_too_are_not_off(tmp_path: Path) -> None:
    pixels = np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8, 1)
    values = np.minimum(pixels.astype(np.float32) * 3, 255)[None] * STEP
    graph = sharpened(tmp_path)
    assert (
        first_differing_tensor(
            [WrittenTensor("bright", "MUL", values, float(STEP))], graph, pixels, 1.0
        )
        == ""
    )
    other = WrittenTensor("bright", "MUL", values[:, ::-1], float(STEP))
    said = first_differing_tensor([other], graph, pixels, 1.0)
    assert said is not None
    assert "'bright', which MUL writes" in said


def test_a_float_file_is_compared_with_the_float_model_itself() -> None:
    near, far = (with_target(quantization=FLOAT, vs_reference=Fidelity(db, db, "a")) for db in DBS)
    assert is_as_near_as_its_graph(near.targets[0])
    assert not is_as_near_as_its_graph(far.targets[0])


def test_channels_in_another_order_in_front_of_a_shuffle_are_not_off(tmp_path: Path) -> None:
    """As the pass crd-to-dcr leaves them, under the name of the graph's tensor."""
    text = (
        '<ir_version: 10, opset_import: ["" : 21]>\n'
        "net (float[1,12,h,w] image) => (float[1,3,oh,ow] result) "
        '{ before = Tanh(image) result = DepthToSpace<blocksize=2, mode: string = "CRD">(before) }'
    )
    graph = tmp_path / "graph.onnx"
    onnx.save(onnx.parser.parse_model(text.replace("mode: string", "mode")), graph)
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 12), np.uint8)
    values = np.tanh(pixels[None].astype(np.float32) / 255)
    shuffled = values.reshape(1, 8, 8, 3, 4).swapaxes(3, 4).reshape(1, 8, 8, 12)

    def said(changed: np.ndarray) -> str | None:
        tensor = WrittenTensor("before", "CONV_2D", changed, 0.0)
        return first_differing_tensor([tensor], graph, pixels, 1.0)

    assert said(values) == said(shuffled) == ""
    spoilt = shuffled.copy()
    spoilt[..., 5] *= 1.5
    assert "'before', which CONV_2D writes" in (said(spoilt) or "")
