"""Transpositions of many axes, against ONNX Runtime on the original."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.passes.normalise.merge_transpose_axes import MAX_AXES, merge_transpose_axes
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run

SEED = 8
IMAGE = np.random.default_rng(SEED).normal(size=(1, 6, 8, 10)).astype(np.float32)

MERGEABLE = {
    "windows": ((1, 2, 3, 4, 2, 10), (0, 1, 3, 2, 4, 5)),
    "windows of a batch": ((3, 2, 2, 4, 2, 5), (0, 1, 3, 2, 4, 5)),
    "channels before windows": ((1, 6, 2, 4, 2, 5), (0, 2, 4, 3, 5, 1)),
    "a grid": ((1, 6, 2, 4, 2, 5), (0, 3, 5, 2, 4, 1)),
    "axes of one": ((1, 6, 8, 1, 10, 1, 1), (3, 4, 6, 1, 5, 2, 0)),
    "an end in front": ((2, 3, 2, 4, 2, 5), (5, 0, 1, 2, 3, 4)),
    "the first axis last": ((1, 6, 2, 4, 2, 5), (1, 3, 2, 5, 4, 0)),
}
"""Shape of as many numbers as the image, and the order of its axes."""


@pytest.mark.parametrize("name", MERGEABLE)
def test_a_transposition_that_comes_down_to_five_axes_computes_the_same(name: str) -> None:
    shape, order = MERGEABLE[name]
    model = parsed(
        f"r = Reshape(image, n) t = Transpose<perm={list(order)}>(r) out = Reshape(t, m)",
        {"n": np.array(shape, np.int64), "m": np.array([1, 6, 8, 10], np.int64)},
    )
    wanted = run(model, IMAGE)
    assert merge_transpose_axes(model) == 1
    (turned,) = (node for node in model.graph if node.op_type == "Transpose")
    assert len(turned.outputs[0].shape) <= MAX_AXES
    np.testing.assert_array_equal(run(model, IMAGE), wanted)


def test_reshapes_around_it_are_joined() -> None:
    model = parsed(
        "r = Reshape(image, n) t = Transpose<perm=[0,2,4,3,5,1]>(r) out = Reshape(t, m)",
        {
            "n": np.array([1, 6, 2, 4, 2, 5], np.int64),
            "m": np.array([4, 20, 6], np.int64),
        },
    )
    assert kinds(rewrite(model, ["canonical"])) == ["Reshape", "Transpose", "Reshape"]


def test_seven_axes_that_come_down_to_six_are_six() -> None:
    model = parsed(
        "r = Reshape(image, n) t = Transpose<perm=[1,0,3,5,4,6,2]>(r) out = Reshape(t, m)",
        {"n": np.array([1, 2, 3, 2, 4, 2, 5], np.int64), "m": np.array([1, 6, 8, 10], np.int64)},
    )
    wanted = run(model, IMAGE)
    assert merge_transpose_axes(model) == 1
    (turned,) = (node for node in model.graph if node.op_type == "Transpose")
    assert len(turned.outputs[0].shape) == 6
    np.testing.assert_array_equal(run(model, IMAGE), wanted)


def test_one_of_six_that_do_not_travel_together_stays() -> None:
    model = parsed(
        "r = Reshape(image, n) t = Transpose<perm=[1,0,3,2,5,4]>(r) out = Reshape(t, m)",
        {"n": np.array([2, 3, 2, 4, 2, 5], np.int64), "m": np.array([1, 6, 8, 10], np.int64)},
    )
    assert merge_transpose_axes(model) == 0
