"""Why drift is not measured against the file that the user gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from skimage import data

import edge_imgq as eiq
from edge_imgq.skipped import Skipped


def in_half_precision() -> onnx.ModelProto:
    return model(["out = Mul(image, gain)"], np.float16, TensorProto.FLOAT16)


def of_bytes() -> onnx.ModelProto:
    texts = ["x = Cast<to=1>(image)", "y = Mul(x, gain)", "out = Cast<to=2>(y)"]
    return model(texts, np.float32, TensorProto.UINT8)


def model(texts: list[str], kind: type, edges: int) -> onnx.ModelProto:
    nodes = [onnx.parser.parse_node(text) for text in texts]
    ends = [
        [helper.make_tensor_value_info(name, edges, (1, 3, "h", "w"))] for name in ("image", "out")
    ]
    gain = numpy_helper.from_array(np.full((1, 3, 1, 1), 0.5, kind), "gain")
    graph = helper.make_graph(nodes, "graph", *ends, [gain])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (in_half_precision, "it computes in half precision, and the graph computes in float32"),
        (of_bytes, "it returns 8-bit pixels, and the graph computes in float32"),
    ],
)
def test_a_file_that_rounds_is_not_the_reference(make, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(make(), path)
    photo = data.chelsea()[:48, :64]
    result = eiq.export(
        path, targets="onnx-float", sizes=(48, 64), images=[photo], output=tmp_path, bench=False
    )
    assert isinstance(result.report.original, Skipped)
    assert result.report.original.reason.startswith(reason)
