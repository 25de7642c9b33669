"""MeanVarianceNormalization, read from files of several opsets, against ONNX Runtime's own."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from edge_imgq.graph.load.load import normalise, read_onnx
from edge_imgq.graph.load.mean_variance_norm import KIND
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, proto_model, run

IMAGE = np.random.default_rng(2).normal(1, 2, (1, 6, 8, 10)).astype(np.float32)


@pytest.mark.parametrize("opset", [9, 13, 18, 21])
@pytest.mark.parametrize("axes", [None, [2, 3], [1]], ids=str)
def test_it_is_read_as_what_onnx_runtime_computes(opset: int, axes, tmp_path) -> None:
    given = {} if axes is None else {"axes": axes}
    proto = proto_model([helper.make_node(KIND, ["image"], ["out"], **given)], {}, 6, (8, 10))
    proto.opset_import[0].version = opset
    for length in IMAGE.shape:
        proto.graph.output[0].type.tensor_type.shape.dim.add().dim_value = length
    path = tmp_path / "norm.onnx"
    onnx.save(proto, path)
    wanted = onnxruntime.InferenceSession(path).run(None, {"image": IMAGE})[0]
    model = rewrite(normalise(read_onnx(path), "norm"), ["canonical"])
    assert KIND not in kinds(model)
    np.testing.assert_allclose(run(model, IMAGE), wanted.reshape(IMAGE.shape), atol=2e-5)
