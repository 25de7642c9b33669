"""Operators of old opsets keep what they computed."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.graph.load.load import normalise
from tests.graph.build import proto_model, run


@pytest.mark.parametrize("size", [(17, 19), (16, 30), (4, 5)])
def test_nearest_pixels_as_tensorflow_places_them_are_those_of_onnx_runtime(size) -> None:
    node = helper.make_node(
        "Resize", ["image", "none", "none", "size"], ["out"], mode="nearest", nearest_mode="floor",
        coordinate_transformation_mode="tf_half_pixel_for_nn",
    )  # fmt: skip
    constants = {"size": np.array([1, 3, *size], np.int64), "none": np.zeros(0, np.float32)}
    proto = proto_model([node], constants, 3, (8, 10))
    proto.opset_import[0].version = 11
    proto.ir_version = 6
    image = np.random.default_rng(6).normal(size=(1, 3, 8, 10)).astype(np.float32)
    model = normalise(proto, "tensorflow's")
    (resize,) = model.graph
    assert resize.attributes.get_string("coordinate_transformation_mode") == "half_pixel"
    rows, columns = (
        np.floor((np.arange(many) + 0.5) * few / many).astype(int)
        for few, many in zip((8, 10), size, strict=True)
    )
    np.testing.assert_array_equal(run(model, image), image[:, :, rows][..., columns])
