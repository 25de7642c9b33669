"""What Keras and TensorFlow's converter spell out, against ONNX Runtime on the original."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, proto_model, run

SEED = 6
GENERATOR = np.random.default_rng(SEED)
IMAGE = GENERATOR.normal(size=(1, 6, 8, 10)).astype(np.float32)
GAIN, SHIFT = (GENERATOR.normal(size=6).astype(np.float32) for _ in "gb")
NUMBERS = {
    "rows": np.array([1, 8, 10, 2, 3], np.int64), "back": np.array([1, 8, 10, 6], np.int64),
    "over": np.array([1, 2, 4], np.int64), "channel": np.array([1], np.int64),
    "eps": np.array(1e-3, np.float32), "gain": GAIN.reshape(1, 1, 1, 2, 3),
    "shift": SHIFT.reshape(1, 1, 1, 2, 3), "g": GAIN.reshape(1, 6, 1, 1),
    "b": SHIFT.reshape(1, 6, 1, 1), "tall": np.array([1, 1, 1, 2, 1], np.int64),
    "third": np.array([3], np.int64), "wide": np.array([1, 16, 10, 1, 6], np.int64),
    "large": np.array([1, 16, 20, 6], np.int64), "six": np.array([1, 6, 8, 1, 10, 1], np.int64),
    "both": np.array([1, 6, 8, 2, 10, 3], np.int64),
    "whole": np.array([1, 6, 16, 30], np.int64), "one": np.array([1, 1, 8, 10], np.int64),
}  # fmt: skip

SPREAD = """
    m = ReduceMean({x}, {axes}) n = Neg(m) d = Sub({x}, m) s = Mul(d, d) v = ReduceMean(s, {axes})
    e = Add(v, eps) q = Sqrt(e) r = Reciprocal(q) k = Mul(r, {gain}) p = Mul({x}, k)
"""
FORMS = {
    "the mean taken off last": "o = Mul(n, k) w = Add(o, {shift}) y = Add(p, w)",
    "the mean taken off the shift": "o = Mul(m, k) w = Sub({shift}, o) y = Add(p, w)",
    "without a shift": "o = Mul(n, k) y = Add(p, o)",
    "as a difference": "o = Mul(m, k) y = Sub(p, o)",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_norm_that_is_multiplied_out_is_gathered(form: str) -> None:
    names = {"x": "image", "axes": "channel", "gain": "g", "shift": "b"}
    body = (SPREAD + FORMS[form]).format(**names) + "out = Relu(y)"
    model = parsed(body, NUMBERS)
    rewritten = rewrite(model, ["canonical"])
    assert kinds(rewritten).count("ReduceMean") == 2
    assert "Neg" not in kinds(rewritten)
    assert "Pow" in kinds(rewritten), "it was not taken for a normalisation"
    np.testing.assert_allclose(run(rewritten, IMAGE), run(model, IMAGE), atol=2e-5)


def test_groups_of_channels_last_are_normalised_as_the_channels_lie() -> None:
    names = {"x": "x", "axes": "over", "gain": "gain", "shift": "shift"}
    body = "t = Transpose<perm=[0,2,3,1]>(image) x = Reshape(t, rows)"
    body += (SPREAD + FORMS["the mean taken off last"]).format(**names)
    model = parsed(
        f"{body} z = Reshape(y, back) u = Transpose<perm=[0,3,1,2]>(z) out = Sigmoid(u)", NUMBERS
    )
    rewritten = rewrite(model, ["canonical"])
    assert not {"Transpose", "Reshape"} & set(kinds(rewritten))
    np.testing.assert_allclose(run(rewritten, IMAGE), run(model, IMAGE), atol=2e-5)


def test_rows_and_columns_that_are_repeated_are_one_resize() -> None:
    model = parsed(
        "u = Unsqueeze(image, third) t = Tile(u, tall) p = Transpose<perm=[0,2,3,4,1]>(t) "
        "r = Reshape(p, wide) s = Tile(r, tall) w = Reshape(s, large) "
        "z = Transpose<perm=[0,3,1,2]>(w) out = Relu(z)",
        NUMBERS,
    )
    rewritten = rewrite(model, ["canonical"])
    assert sorted(kinds(rewritten)) == ["Relu", "Resize"]
    np.testing.assert_array_equal(run(rewritten, IMAGE), run(model, IMAGE))


def test_copies_by_two_new_axes_at_once_are_one_resize() -> None:
    model = parsed(
        "r = Reshape(image, six) t = Expand(r, both) w = Reshape(t, whole) out = Relu(w)", NUMBERS
    )
    rewritten = rewrite(model, ["canonical"])
    assert sorted(kinds(rewritten)) == ["Relu", "Resize"]
    np.testing.assert_array_equal(run(rewritten, IMAGE), run(model, IMAGE))


def test_copies_before_their_axis_are_no_resize() -> None:
    """They repeat the whole row of pixels, not every pixel."""
    numbers = NUMBERS | {
        "before": np.array([1, 6, 1, 8, 10], np.int64),
        "tiles": np.array([1, 1, 2, 1, 1], np.int64),
        "tile": np.array([1, 6, 16, 10], np.int64),
    }
    model = parsed("r = Reshape(image, before) t = Tile(r, tiles) out = Reshape(t, tile)", numbers)
    rewritten = rewrite(model, ["canonical"])
    assert "Resize" not in kinds(rewritten)
    np.testing.assert_array_equal(run(rewritten, IMAGE), run(model, IMAGE))


@pytest.mark.parametrize("size", ["8,10", "h,w"])
def test_one_channel_moved_to_the_end_and_back_is_nothing(size: str) -> None:
    model = parsed(
        "t = Transpose<perm=[0,2,3,1]>(image) u = Unsqueeze(t, zero) r = Reshape(u, open) "
        "out = Relu(r)",
        {"zero": np.array([0], np.int64), "open": np.array([1, 1, 0, 0], np.int64)},
        size, 1,
    )  # fmt: skip
    rewritten = rewrite(model, ["canonical"])
    if size != "h,w":
        assert kinds(rewritten) == ["Relu"]
    image = IMAGE[:, :1]
    np.testing.assert_array_equal(run(rewritten, image), run(model, image))


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
    image = IMAGE[:, :3]
    model = normalise(proto, "tensorflow's")
    (resize,) = model.graph
    assert resize.attributes.get_string("coordinate_transformation_mode") == "half_pixel"
    rows, columns = (
        np.floor((np.arange(many) + 0.5) * few / many).astype(int)
        for few, many in zip((8, 10), size, strict=True)
    )
    np.testing.assert_array_equal(run(model, image), image[:, :, rows][..., columns])
