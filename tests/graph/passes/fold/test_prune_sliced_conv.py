"""Layers compute the channels that are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.passes.canonical import canonical
from edge_imgq.graph.passes.fold.prune_sliced_conv import prune_sliced_conv
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run, weights
from tests.graph.passes.build import IMAGE

RNG = np.random.default_rng(5)


CONSTANTS: dict[str, Any] = {
    "one": np.float32(1),
    "mirror": -np.eye(6, dtype=np.float32).reshape(6, 6, 1, 1),
    "ones": np.ones(6, np.float32),
    "w": weights(RNG, 6, 6, 3, 3),
    "b": weights(RNG, 6, 1).reshape(6),
    "apart": weights(RNG, 6, 1, 3, 3),
    "channels": np.array([1], np.int64),
    "from": np.array([0], np.int64),
    "to": np.array([5], np.int64),
    "step": np.array([2], np.int64),
    "rows": np.array([2], np.int64),
}


CONV = "Conv<pads=[1,1,1,1]>(image, w, b)"


SLICES: dict[str, tuple[str, list[str]]] = {
    "at once": (f"x = {CONV} out = Slice(x, from, to, channels)", ["Conv"]),
    "behind activations": (f"x = {CONV} y = Relu(x) z = Clip(y, , one) "
                           "out = Slice(z, from, to, channels)", ["Conv", "Relu", "Clip"]),
    "every second": (f"x = {CONV} out = Slice(x, from, to, channels, step)", ["Conv"]),
    "not of rows": (f"x = {CONV} out = Slice(x, from, to, rows)", ["Conv", "Slice"]),
    "not of groups": ("x = Conv<group=6, pads=[1,1,1,1]>(image, apart, b) "
                      "out = Slice(x, from, to, channels)", ["Conv", "Slice"]),
    "not where the rest is read": (
        f"x = {CONV} y = Slice(x, from, to, channels) z = Slice(x, from, to, channels, step) "
        "out = Concat<axis=1>(y, z)", ["Conv", "Slice", "Slice", "Concat"]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "left"), SLICES.values(), ids=SLICES.keys())
def test_layers_compute_the_channels_that_are_read(body: str, left: list[str]) -> None:
    model = parsed(body, CONSTANTS)
    expected = run(model, IMAGE)
    assert prune_sliced_conv(model) == ("Slice" not in left)
    assert kinds(model) == left
    np.testing.assert_allclose(run(model, IMAGE), expected, atol=1e-6)


def test_an_ending_that_keeps_a_part_of_a_clipped_image_is_one_layer_and_its_shuffle() -> None:
    body = (
        f"x = {CONV} y = Relu(x) z = Conv(y, mirror, ones) c = Relu(z) "
        'd = Slice(c, from, four, channels) out = DepthToSpace<blocksize=2, mode="CRD">(d)'
    )
    model = parsed(body, CONSTANTS | {"four": np.array([4], np.int64)})
    found = rewrite(model, ["canonical", "crd-to-dcr"])
    assert kinds(found) == ["Conv", "Clip", "DepthToSpace"]
    np.testing.assert_allclose(run(found, IMAGE), run(model, IMAGE), atol=1e-5)
    assert canonical(found) == 0
