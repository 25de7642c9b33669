"""Norms as means and variances, against ONNX Runtime on the original."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.passes.canonical import canonical
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import check_form, numbers, weights

NORM = {"g": weights(6), "b": weights(6)}


STATISTICS = ["ReduceMean", "Sub", "Mul", "ReduceMean", "Add", "Pow", "Mul"]


GROUPED = ["ReduceMean", "MatMul", "Unsqueeze"]


CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "instance norm": (
        "out = InstanceNormalization<epsilon=0.001>(image, g, b)", NORM, [*STATISTICS, "Mul", "Add"]
    ),
    "instance norm without gain": (
        "out = InstanceNormalization(image, g, b)",
        {"g": np.ones(6, np.float32), "b": np.zeros(6, np.float32)}, STATISTICS,
    ),
    "instance norm after a convolution": (
        "c = Conv(image, w, h) out = InstanceNormalization<epsilon=0.1>(c, g, b)",
        {"w": weights(4, 6, 3, 3) * np.float32([[[[1]]], [[[9]]], [[[0.1]]], [[[2]]]]),
         "h": weights(4), "g": weights(4), "b": weights(4)},
        ["Conv", *STATISTICS, "Mul", "Add"],
    ),
    "instance norm after a transposed convolution": (
        "c = ConvTranspose<strides=[2,2]>(image, w, h) out = InstanceNormalization(c, g, b)",
        {"w": weights(6, 4, 3, 3), "h": weights(4), "g": weights(4), "b": weights(4)},
        ["ConvTranspose", *STATISTICS, "Mul", "Add"],
    ),
    "group norm": (
        "out = GroupNormalization<num_groups=3>(image, g, b)", NORM,
        [*GROUPED, "Sub", "Mul", *GROUPED, "Add", "Pow", "Mul", "Mul", "Add"],
    ),
    "layer norm over width": (
        "out = LayerNormalization(image, g)", {"g": weights(10)}, [*STATISTICS, "Mul"]
    ),
    "layer norm over all axes": (
        "out = LayerNormalization<axis=1>(image, g, b)",
        {"g": weights(6, 8, 10), "b": weights(6, 8, 10)}, [*STATISTICS, "Mul", "Add"],
    ),
    "layer norm over channels": (
        "t = Transpose<perm=[0,2,3,1]>(image) n = LayerNormalization(t, g, b) "
        "out = Transpose<perm=[0,3,1,2]>(n)", NORM, [*STATISTICS, "Mul", "Add"],
    ),
    "flattened group norm": (
        "r = Reshape(image, n) i = InstanceNormalization(r, g, b) out = Reshape(i, m)",
        {"n": numbers(0, 3, -1), "m": numbers(1, 6, 8, 10), "g": weights(3), "b": weights(3)},
        [*GROUPED, "Sub", "Mul", *GROUPED, "Add", "Pow", "Mul", "Mul", "Add"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_norm_is_a_mean_and_a_variance(name: str) -> None:
    check_form(*CASES[name])


def test_a_norm_whose_gain_is_computed_is_left_alone() -> None:
    body = "m = ReduceMean<keepdims=0>(image, a) out = InstanceNormalization(image, g, m)"
    flat = body.replace("image, g, m", "image, m, g")
    constants = {"a": numbers(0, 2, 3), "g": weights(6)}
    for text in (body, flat):
        assert kinds(rewrite(parsed(text, constants), ["canonical"]))[-1] == "InstanceNormalization"


@pytest.mark.parametrize("name", ["instance norm", "group norm"])
def test_open_heights_and_widths_stay_open(name: str) -> None:
    body, constants, wanted = CASES[name]
    original = parsed(body, constants, size="h,w")
    rewritten = rewrite(original, ["canonical"])
    assert kinds(rewritten) == wanted
    for size in [(4, 6), (9, 7)]:
        image = np.random.default_rng(1).normal(size=(1, 6, *size)).astype(np.float32)
        np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-5)


def test_a_graph_in_canonical_form_stays_as_it_is() -> None:
    rewritten = rewrite(parsed(*CASES["instance norm"][:2]), ["canonical"])
    before = kinds(rewritten)
    canonical(rewritten)
    assert kinds(rewritten) == before
