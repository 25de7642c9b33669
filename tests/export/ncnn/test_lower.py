"""Networks of several inputs and outputs in ncnn, against ONNX Runtime on the given file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from onnx import helper

import edge_imgq
from edge_imgq.export.functions import functions_of
from tests.several_networks import IMAGE, recurrent, write

SIZE = (12, 16)


def awkward(path: Path) -> Path:
    """Write a network whose further outputs are read by layers and named as blobs are."""
    generator = np.random.default_rng(3)
    arrays = {
        "w": generator.normal(0, 0.2, (8, 3, 3, 3)),
        "v": generator.normal(0, 0.1, (3, 8, 3, 3)),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["binaryop_3"]),
        helper.make_node("Identity", ["binaryop_3"], ["same as before"]),
        helper.make_node("Conv", ["binaryop_3", "v"], ["d"], pads=[1] * 4),
        helper.make_node("Add", ["image", "d"], ["out"]),
        helper.make_node("GlobalAveragePool", ["out"], ["result"]),
    ]
    kept = (1, 8, "h", "w")
    outputs = [("out", (1, 3, "h", "w")), ("binaryop_3", kept), ("same as before", kept)]
    return write(path, nodes, [IMAGE], [*outputs, ("result", (1, 3, 1, 1))], arrays)


def exported(path: Path) -> Path:
    photo = np.random.default_rng(7).integers(60, 200, (*SIZE, 3), np.uint8)
    result = edge_imgq.export(
        path, targets=["ncnn-float"], images=[photo], sizes=SIZE, output=path.parent, bench=False
    )
    return result.folder / "ncnn-float.param"


def test_every_output_is_kept_whoever_reads_it_and_whatever_its_name(tmp_path: Path) -> None:
    path = exported(awkward(tmp_path / "awkward.onnx"))
    pixels = np.random.default_rng(7).integers(60, 200, (*SIZE, 3), np.uint8)
    image = pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
    session = onnxruntime.InferenceSession(tmp_path / "awkward.onnx")
    names = [output.name for output in session.get_outputs()]
    wanted = dict(zip(names, session.run(None, {"image": image}), strict=True))
    found = edge_imgq.open_file(path).run_all(pixels)
    picture = wanted.pop("out")[0].transpose(1, 2, 0).clip(0, 1) * 255
    assert np.abs(found.pop("image") - picture).max() < 0.51
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        laid = values.reshape(-1) if name == "result" else values[0].transpose(1, 2, 0)
        np.testing.assert_allclose(found[name], laid, atol=1e-4)
    blobs = [row.name for row in functions_of("ncnn").describe(path, None).outputs]
    assert blobs == ["result", "binaryop_3", "same_as_before", "result_"]


def test_a_state_is_an_input_and_an_output_of_the_files(tmp_path: Path) -> None:
    path = exported(recurrent(tmp_path / "recurrent.onnx"))
    description = functions_of("ncnn").describe(path, None)
    assert [row.name for row in description.inputs] == ["image", "h_in"]
    assert [row.name for row in description.outputs] == ["result", "h_out"]
    plan = functions_of("ncnn").memory_plan(path, None)
    assert len(plan.inputs) == len(plan.outputs) == 2
