"""Group normalisation of opsets 18 to 20, against its definition."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_imgq.graph.load.load import normalise, read_onnx
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import proto_model, run

SEED = 2
GENERATOR = np.random.default_rng(SEED)
IMAGE = GENERATOR.normal(size=(1, 6, 8, 10)).astype(np.float32)


@pytest.mark.parametrize("opset", [18, 20])
@pytest.mark.parametrize(("groups", "numbers"), [(2, 2), (6, 6), (3, 6), (1, 1)])
def test_scale_and_bias_per_group_or_per_channel_mean_what_they_say(
    opset: int, groups: int, numbers: int, tmp_path
) -> None:
    scale, bias = (GENERATOR.normal(size=numbers).astype(np.float32) for _ in "sb")
    node = helper.make_node(
        "GroupNormalization", ["image", "s", "b"], ["out"], num_groups=groups, epsilon=1e-3
    )
    proto = proto_model([node], {"s": scale, "b": bias}, 6, (8, 10))
    proto.opset_import[0].version = opset
    proto.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 1
    for length in (6, 8, 10):
        proto.graph.output[0].type.tensor_type.shape.dim.add().dim_value = length
    path = tmp_path / "groups.onnx"
    onnx.save(proto, path)
    rows = IMAGE.reshape(1, groups, -1)
    normal = (rows - rows.mean(2, keepdims=True)) / np.sqrt(rows.var(2, keepdims=True) + 1e-3)
    gain, shift = (np.repeat(v, 6 // numbers).reshape(1, 6, 1, 1) for v in (scale, bias))
    wanted = normal.reshape(IMAGE.shape) * gain + shift
    model = rewrite(normalise(read_onnx(path), "groups"), ["canonical"])
    np.testing.assert_allclose(run(model, IMAGE), wanted, atol=2e-5)
