"""Writes into blocks of a tensor, and clippings to computed bounds: the same in ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size, is_shaped_by_size
from tests.graph.build import parsed, run

IMAGE = np.random.default_rng(0).random((1, 6, 8, 10), np.float32)


def places(*ranges: range) -> Any:
    """Return the index of every place of a box, (…, axes)."""
    return np.stack(np.meshgrid(*ranges, indexing="ij"), -1).astype(np.int64)


BLOCKS = {
    "channels": (range(1), range(2, 5), range(8), range(10)),
    "rows from the end": (range(1), range(6), range(-3, 0), range(10)),
    "a corner": (range(1), range(6), range(3), range(7, 10)),
    "all of it": (range(1), range(6), range(8), range(10)),
    "whole channels": (range(1), range(4)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_written_block_is_joined(name: str) -> None:
    indices = places(*BLOCKS[name])
    shape = [*indices.shape[:-1], *IMAGE.shape[indices.shape[-1] :]]
    numbers = np.random.default_rng(1).random(shape, np.float32)
    body = "z = Neg(image) u = Mul(n, k) t = Slice(z, a, b, a) out = ScatterND(t, i, u)"
    constants = {
        "i": indices, "n": numbers, "k": np.float32(2),
        "a": np.array([0], np.int64), "b": np.array([1], np.int64),
    }  # fmt: skip
    model = parsed(body, constants)
    changed = rewrite(model, ["canonical"])
    assert "ScatterND" not in {node.op_type for node in changed.graph}
    np.testing.assert_array_equal(run(changed, IMAGE), run(model, IMAGE))


def test_places_in_another_order_are_left() -> None:
    indices = places(range(1), range(6), range(8), range(10))[:, ::-1].copy()
    body = "z = Neg(image) out = ScatterND(z, i, image)"
    model = parsed(body, {"i": indices})
    changed = rewrite(model, ["canonical"])
    assert "ScatterND" in {node.op_type for node in changed.graph}
    np.testing.assert_array_equal(run(changed, IMAGE), run(model, IMAGE))


def test_bounds_that_are_computed_are_a_maximum_and_a_minimum() -> None:
    body = """l = ReduceMin<keepdims=0>(image) h = ReduceMean<keepdims=0>(image)
        out = Clip(image, l, h)"""
    model = parsed(body, {})
    changed = rewrite(model, ["canonical"])
    assert "Clip" not in {node.op_type for node in changed.graph}
    np.testing.assert_array_equal(run(changed, IMAGE), run(model, IMAGE))


SHAPED = {
    "norm of pixels": ("n = ReduceL2(image, a) out = Div(image, n)", [2, 3]),
    "six axes": (
        """u = Reshape(image, s) t = Transpose<perm=[0,1,3,5,2,4]>(u) out = Reshape(t, d)""",
        [1],
    ),
}


@pytest.mark.parametrize("name", SHAPED)
def test_a_graph_whose_form_follows_from_its_size_is_known_once_it_has_one(name: str) -> None:
    body, axes = SHAPED[name]
    constants = {
        "a": np.array(axes, np.int64),
        "s": np.array([0, 6, 4, 2, 5, 2], np.int64),
        "d": np.array([1, 24, 4, 5], np.int64),
    }
    used = {key: value for key, value in constants.items() if f", {key})" in body}
    model = parsed(body, used, size="h,w")
    assert is_shaped_by_size(model)
    kinds = {node.op_type for node in rewrite(bind_size(model, (8, 10)), ["canonical"]).graph}
    assert not kinds & {"ReduceL2", "Transpose"}


def test_a_norm_of_channels_needs_no_size() -> None:
    body = "n = ReduceL2(image, a) out = Div(image, n)"
    assert not is_shaped_by_size(parsed(body, {"a": np.array([1], np.int64)}, size="h,w"))
