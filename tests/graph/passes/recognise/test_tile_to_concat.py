"""Repeated channels are a concatenation, interleaved ones a convolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph.passes.recognise.tile_to_concat import tile_to_concat
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run
from tests.graph.passes.build import IMAGE, check_form, numbers

MEAN, CHANNELS = "ReduceMean<keepdims=1>(image, a)", {"a": numbers(1)}


CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "tiled channels": ("out = Tile(image, n)", {"n": numbers(1, 3, 1, 1)}, ["Concat"]),
    "tiled rows": ("out = Tile(image, n)", {"n": numbers(1, 1, 3, 1)}, ["Tile"]),
    "interleaved channels": (
        "u = Unsqueeze(image, a) e = Expand(u, s) out = Reshape(e, n)",
        {"a": numbers(2), "s": numbers(1, 1, 4, 1, 1), "n": numbers(1, -1, 8, 10)}, ["Conv"],
    ),
    "expanded mean": (
        f"m = {MEAN} out = Expand(m, s)", {**CHANNELS, "s": numbers(1, 5, 1, 1)},
        ["Conv", "Concat"],
    ),
    "copies of several channels before a sum": (
        "s = Slice(image, z, h, o) t = Tile(s, n) out = Add(t, image)",
        {"z": numbers(0), "h": numbers(2), "o": numbers(1), "n": numbers(1, 3, 1, 1)},
        ["Slice", "Concat", "Add"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_repeated_channels_are_joined(name: str) -> None:
    check_form(*CASES[name])


def test_lengths_that_nobody_knows_are_not_taken_for_equal() -> None:
    """Of 3x3 pixels one is left in `p` and four in `q`; neither length has a name."""
    body = (
        "p = MaxPool<kernel_shape=[3, 3], strides=[3, 3]>(image) "
        "q = MaxPool<kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1>(image) "
        "s = Shape(q) e = Expand(p, s) out = Relu(e)"
    )
    model = parsed(body, {}, "h,w")
    image = IMAGE[:, :, :3, :3]
    wanted = run(model, image)
    for node in model.graph:
        shape = node.outputs[0].shape
        if shape is not None and len(shape) == 4:
            node.outputs[0].shape = ir.Shape([1, 6, None, None])
    assert tile_to_concat(model) == 0
    np.testing.assert_array_equal(run(model, image), wanted)


INTERLEAVED = "u = Unsqueeze(image, a) t = Tile(u, n) s = Shape(t) b = Slice(s, z, o, z) "


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("e = Slice(s, h, m, z) q = Concat<axis=0>(b, k, e)", ["Conv"]),
        ("v = Shape<start=2>(image) q = Concat<axis=0>(b, c, v)", ["Conv"]),
        ("e = Slice(s, h, m, z) q = Concat<axis=0>(b, e, k)", None),
    ],
    ids=["lengths of the copies", "lengths of the image", "other axes joined"],
)
def test_interleaved_channels_of_an_open_size_are_a_convolution(
    target: str, kind: list[str] | None
) -> None:
    """As torch exports `repeat_interleave` with open height and width."""
    lengths = {"a": 2, "z": 0, "o": 1, "h": 3, "m": 2**62, "k": -1, "c": 24}
    constants = {name: numbers(value) for name, value in lengths.items()}
    counts = {"n": numbers(1, 1, 4, 1, 1)}
    model = parsed(f"{INTERLEAVED}{target} out = Reshape(t, q)", constants | counts, "h,w")
    changed = rewrite(model, ("canonical",))
    np.testing.assert_array_equal(run(changed, IMAGE), run(model, IMAGE))
    found = [node.op_type for node in changed.graph]
    assert found == kind if kind else "Conv" not in found
