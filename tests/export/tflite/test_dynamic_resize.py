"""What a file's note says of resizing its input, and LiteRT's results after it, against ONNX."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.errors import ImageError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.images.layout import from_nchw, to_nchw
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.runtime.litert import open_session
from tests.export.tflite.witness import NOTE
from tests.graph.build import proto_model, run, weights

GENERATOR = np.random.default_rng(23)
SIZE = (12, 16)
CONSTANTS = {
    "w": weights(GENERATOR, 12, 3, 3, 3),
    "v": weights(GENERATOR, 3, 12, 3, 3),
    "u": weights(GENERATOR, 12, 3, 4, 4),
    "half": np.array([1, 1, 0.5, 0.5], np.float32),
    "twice": np.array([1, 1, 2, 2], np.float32),
    "flat": np.array([1, 3, 16, -1], np.int64),
    "rim": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
}


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs, [output], **attributes)


CONV = node("Conv", ["image", "w"], "a", pads=[1] * 4, kernel_shape=[3, 3])
BACK = node("Conv", ["b", "v"], "out", pads=[1] * 4, kernel_shape=[3, 3])
FOLLOWS = {
    "ADD": [CONV, node("Add", ["a", "a"], "b"), BACK],
    "CONCATENATION": [
        CONV, node("Conv", ["a", "v"], "c", pads=[1] * 4),
        node("Concat", ["c", "c", "c", "c"], "b", axis=1), BACK,
    ],
    "DEPTH_TO_SPACE": [CONV, node("DepthToSpace", ["a"], "out", blocksize=2, mode="CRD")],
    "sub-pixel form": [
        CONV, node("ConvTranspose", ["a", "u"], "out", strides=[2, 2], pads=[1] * 4)
    ],
    "MEAN": [CONV, node("GlobalAveragePool", ["a"], "g"), node("Mul", ["a", "g"], "b"), BACK],
    "reflected borders": [
        node("Pad", ["image", "rim"], "p", mode="reflect"), node("Conv", ["p", "w"], "b"), BACK,
    ],
    "padding that SAME cannot say": [
        node("Conv", ["image", "w"], "a", pads=[0, 0, 2, 2], kernel_shape=[3, 3]),
        node("Relu", ["a"], "b"), BACK,
    ],
}  # fmt: skip
FIXED = {
    "RESIZE": [CONV, node("Resize", ["a", "", "twice"], "b", mode="linear"), BACK],
    "RESHAPE": [CONV, node("Conv", ["a", "v"], "c", pads=[1] * 4),
                node("Reshape", ["c", "flat"], "out")],
    "TRANSPOSE_CONV": [
        CONV, node("ConvTranspose", ["a", "u"], "out", strides=[2, 2], pads=[1] * 4)
    ],
    "stride with odd sizes": [
        node("Conv", ["image", "w"], "a", pads=[1] * 4, strides=[2, 2], kernel_shape=[3, 3]),
        node("DepthToSpace", ["a"], "out", blocksize=2),
    ],
}  # fmt: skip


def written(body, folder: Path, target: str, scale: int):
    names = {name for entry in body for name in entry.input}
    constants = {name: value for name, value in CONSTANTS.items() if name in names}
    original = normalise(proto_model(body, constants), "m")
    recipe = next(r for r in export_recipes(Path("/nowhere")) if r.name == target)
    graph = prepared_graph(ir.from_proto(ir.to_proto(original)), recipe.passes)
    path = folder / "m.tflite"
    note = replace(NOTE, contract=replace(NOTE.contract, scale=scale))
    write_tflite(graph, ExportSpec((SIZE,), note, recipe.processors[0]), path)
    return original, open_session(path)


@pytest.mark.parametrize("name", FOLLOWS)
def test_a_file_that_says_so_is_right_at_other_sizes(name, tmp_path) -> None:
    scale = 2 if name in ("DEPTH_TO_SPACE", "sub-pixel form") else 1
    original, session = written(FOLLOWS[name], tmp_path, "tflite-float", scale)
    assert session.note.resizable
    assert session.resizable
    multiple = session.note.contract.multiple
    for rows, columns in ((1, 1), (2, 5), (1, 3)):
        size = (SIZE[0] + rows * multiple, SIZE[1] + columns * multiple)
        pixels = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
        wanted = from_nchw(run(original, to_nchw(pixels, 1.0)), 1.0)
        # Float sums in another order may fall on the other side of a half level.
        assert np.abs(session.run(pixels).astype(int) - wanted.astype(int)).max() <= 1
        assert (session.run(pixels) == wanted).mean() > 0.999


@pytest.mark.parametrize("name", FIXED)
def test_a_file_whose_constants_hold_its_size_says_that_it_is_fixed(name, tmp_path) -> None:
    target = "tflite-gpu" if name == "TRANSPOSE_CONV" else "tflite-float"
    scale = 1 if name in ("RESHAPE", "stride with odd sizes") else 2
    _, session = written(FIXED[name], tmp_path, target, scale)
    assert not session.note.resizable
    assert not session.resizable
    with pytest.raises(ImageError, match="runs at 12x16 only, and the image is 24x32"):
        session.run(np.zeros((24, 32, 3), np.uint8))
