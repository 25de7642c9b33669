"""Kernel, stride, dilation and groups as `inspect` shows them are those that the model states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.coreml.format import write_coreml
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.formats import format_of
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.report.description import KernelWindow

SIZE = (24, 32)
CASES = {
    "plain": KernelWindow((3, 3)),
    "oblong": KernelWindow((5, 3)),
    "strided": KernelWindow((3, 3), stride=(2, 2)),
    "dilated": KernelWindow((3, 3), dilation=(2, 2)),
    "grouped": KernelWindow((3, 3), groups=3),
}


def one_convolution(window: KernelWindow) -> onnx.ModelProto:
    """Return a model of one convolution of 3 channels, a third of whose weights are zero."""
    weights = np.random.default_rng(1).normal(0, 0.2, (3, 3 // window.groups, *window.kernel))
    weights[2] = 0
    reach = [d * (k - 1) // 2 for k, d in zip(window.kernel, window.dilation, strict=True)]
    node = helper.make_node(
        "Conv",
        ["image", "w"],
        ["out"],
        strides=window.stride,
        dilations=window.dilation,
        group=window.groups,
        pads=reach * 2,
    )
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, *SIZE))],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, (None,) * 4)],
        [numpy_helper.from_array(weights.astype(np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("suffix", [".onnx", ".tflite", ".mlpackage"])
@pytest.mark.parametrize("name", CASES)
def test_every_format_shows_the_window_and_zeros_of_a_convolution(
    name: str, suffix: str, tmp_path: Path
) -> None:
    window, path = CASES[name], tmp_path / f"one{suffix}"
    proto = one_convolution(window)
    note = FileNote("one", "any", ImageContract("image-to-image", 1, "rgb"), "0")
    order = ExportSpec((SIZE,), note, processor="gpu")  # whose files compute nothing in blocks
    if suffix == ".onnx":
        onnx.save(proto, path)
    else:
        if suffix == ".mlpackage":
            pytest.importorskip("coremltools")
        write = write_tflite if suffix == ".tflite" else write_coreml
        write(PreparedGraph(normalise(proto, "one")), order, path)
    found = format_of(path).functions.describe(path, None)
    other_than_zero = 2 * 3 // window.groups * window.kernel[0] * window.kernel[1]
    (shown,) = (row.window for row in found.operators if row.window is not None)
    assert shown == window
    assert found.parameters - found.zeros == other_than_zero
