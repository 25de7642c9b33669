"""What changes nothing is taken out, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.passes.tidy.noop_elimination import noop_elimination
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run
from tests.graph.passes.build import IMAGE, check_form, numbers
from tests.graph.passes.tidy.small_graphs import check

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "power one inside": (
        "t = Pow(image, c) out = Abs(t)", {"c": np.float32(1)}, ["Abs"]
    ),
    "expansion to the own shape": (
        "e = Expand(image, s) out = Relu(e)", {"s": numbers(1, 1, 1, 1)}, ["Relu"]
    ),
    "expansion before a difference": (
        "m = ReduceMax<keepdims=1>(image, a) e = Expand(m, s) out = Sub(e, image)",
        {"a": numbers(3), "s": numbers(1, 6, 8, 10)}, ["ReduceMax", "Sub"],
    ),
    "expansion before a choice": (
        "m = ReduceMax<keepdims=1>(image, a) e = Expand(m, s) c = Greater(image, z) "
        "d = Where(c, e, image) out = Relu(d)",
        {"a": numbers(3), "s": numbers(1, 6, 8, 10), "z": np.float32(0.5)},
        ["ReduceMax", "Greater", "Where", "Relu"],
    ),
    "copies of one channel before a sum": (
        "m = ReduceMax<keepdims=1>(image, a) t = Tile(m, n) out = Add(t, image)",
        {"a": numbers(1), "n": numbers(1, 6, 1, 1)}, ["ReduceMax", "Add"],
    ),
    "expansion that gives the shape": (
        "m = ReduceMax<keepdims=1>(image, a) e = Expand(m, s) out = Sub(e, c)",
        {"a": numbers(3), "s": numbers(1, 6, 8, 10), "c": np.float32(1)},
        ["ReduceMax", "Expand", "Sub"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_does_nothing_is_taken_out(name: str) -> None:
    check_form(*CASES[name])


def test_an_expansion_to_an_open_shape_goes_where_arithmetic_broadcasts_to_it() -> None:
    """As torch exports `torch.nn.functional.normalize` with open height and width."""
    body = "n = ReduceL2<keepdims=1>(image, a) c = Clip(n, z) s = Shape(image) e = Expand(c, s)"
    constants = {"a": numbers(1), "z": np.float32(1e-12)}
    model = parsed(f"{body} out = Div(image, e)", constants, "h,w")
    changed = rewrite(model, ("canonical",))
    np.testing.assert_allclose(run(changed, IMAGE), run(model, IMAGE), rtol=1e-6)
    assert not {"Shape", "Expand"} & {node.op_type for node in changed.graph}
    assert all(map(is_marked, changed.graph))
    other = parsed(f"{body} d = Div(image, c) out = Add(e, c)", constants, "h,w")
    np.testing.assert_allclose(
        run(rewrite(other, ("canonical",)), IMAGE), run(other, IMAGE), rtol=1e-6
    )


INERT: dict[str, tuple[str, list[str]]] = {
    "padding": ("x = Relu(image) out = Pad(x, p0)", ["Relu"]),
    "a column": ("x = Relu(image) out = Pad(x, p1)", ["Relu", "Pad"]),
    "a slice": ("x = Relu(image) out = Slice(x, from, to, three)", ["Relu"]),
    "a slice to the length": ("x = Relu(image) out = Slice(x, from, ten, three)", ["Relu"]),
    "two axes": ("x = Relu(image) out = Slice(x, first, ends, both)", ["Relu"]),
    "a shorter slice": ("x = Relu(image) out = Slice(x, from, nine, three)", ["Relu", "Slice"]),
    "a reversed slice": (
        "x = Relu(image) out = Slice(x, last, low, three, step)", ["Relu", "Slice"]
    ),
    "a resize": ("x = Relu(image) out = Resize(x, , ones)", ["Relu"]),
    "a resize by sizes": ("x = Relu(image) out = Resize(x, , , same)", ["Relu"]),
    "an enlargement": ("x = Relu(image) out = Resize(x, , twos)", ["Relu", "Resize"]),
    "a transposition": ("x = Relu(image) out = Transpose<perm=[0,1,2,3]>(x)", ["Relu"]),
    "another order": ("x = Relu(image) out = Transpose<perm=[0,1,3,2]>(x)", ["Relu", "Transpose"]),
    "a concatenation": ("x = Relu(image) out = Concat<axis=1>(x)", ["Relu"]),
    "a reshape": ("x = Relu(image) out = Reshape(x, own)", ["Relu"]),
    "another shape": ("x = Relu(image) out = Reshape(x, other)", ["Relu", "Reshape"]),
}  # fmt: skip


@pytest.mark.parametrize("name", INERT)
def test_nodes_that_do_nothing_vanish(name: str) -> None:
    check(*INERT[name], noop_elimination)
