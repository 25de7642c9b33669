"""Resizes that name axes: stated for all of them, the same numbers in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from edge_imgq.graph.load.resize_axes import with_all_axes

IMAGE = np.random.default_rng(3).random((1, 3, 8, 12)).astype(np.float32)
HEAD = '<ir_version: 8, opset_import: ["" : 18]>\nm (float[1,3,{h},{w}] x) => (float[n,c,p,q] y) '
SCALES, TURNED = np.float32([2, 1.5]), np.float32([1.5, 2])
CROP = np.float32([0.1, 0.2, 0.8, 0.9])

RESIZES = {
    "scales": ('axes=[2,3], mode="linear"', "x, , s", {"s": SCALES}),
    "turned": ('axes=[3,2], mode="cubic"', "x, , s", {"s": TURNED}),
    "from the end": ('axes=[-1,-2], mode="nearest"', "x, , s", {"s": TURNED}),
    "sizes": ('axes=[2,3], mode="linear"', "x, , , s", {"s": np.array([5, 9])}),
    "one axis": ('axes=[3], mode="linear", antialias=1', "x, , , s", {"s": np.array([5])}),
    "a region": (
        'axes=[2,3], mode="linear", coordinate_transformation_mode="tf_crop_and_resize"',
        "x, r, , s",
        {"s": np.array([5, 9]), "r": CROP},
    ),
    "not larger": (
        'axes=[2,3], mode="linear", keep_aspect_ratio_policy="not_larger"',
        "x, , , s",
        {"s": np.array([4, 12])},
    ),
}


def model(name: str, sides: tuple[object, object] = (8, 12)) -> onnx.ModelProto:
    attributes, inputs, constants = RESIZES[name]
    head = HEAD.replace("{h}", str(sides[0])).replace("{w}", str(sides[1]))
    proto = onnx.parser.parse_model(f"{head}{{ y = Resize<{attributes}>({inputs}) }}")
    proto.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    return proto


def run(proto: onnx.ModelProto) -> np.ndarray:
    return onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": IMAGE})[0]


def axes_of(proto: onnx.ModelProto) -> list[onnx.AttributeProto]:
    return [a for node in proto.graph.node for a in node.attribute if a.name == "axes"]


@pytest.mark.parametrize("name", RESIZES)
def test_it_resizes_the_same_without_naming_axes(name: str) -> None:
    before = model(name)
    after = with_all_axes(before)
    assert axes_of(before)
    assert not axes_of(after)
    np.testing.assert_array_equal(run(after), run(before))


def test_an_image_of_open_size_is_stated_where_scales_say_all() -> None:
    assert not axes_of(with_all_axes(model("scales", ("h", "w"))))
    np.testing.assert_array_equal(
        run(with_all_axes(model("scales", ("h", "w")))), run(model("scales"))
    )


def test_a_scale_that_sizes_do_not_say_stays() -> None:
    proto = model("not larger")
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array([5, 12]), "s"))
    assert axes_of(with_all_axes(proto))
    assert axes_of(with_all_axes(model("not larger", ("h", "w"))))


def test_a_default_session_opens_it_between_transpositions() -> None:
    proto = model("sizes")
    nodes, image = proto.graph.node, proto.graph.input[0]
    nodes[0].input[0], nodes[0].output[0] = "t", "r"
    nodes.insert(0, onnx.helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]))
    nodes.append(onnx.helper.make_node("Transpose", ["r"], ["y"], perm=[0, 2, 3, 1]))
    image.CopyFrom(onnx.helper.make_tensor_value_info("x", 1, [1, 8, 12, 3]))
    session = onnxruntime.InferenceSession(with_all_axes(proto).SerializeToString())
    got = session.run(None, {"x": IMAGE.transpose(0, 2, 3, 1)})[0]
    np.testing.assert_array_equal(got, run(model("sizes")).transpose(0, 2, 3, 1))
