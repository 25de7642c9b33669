"""Slices and additions behind a transposed convolution are its padding and its bias."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE, weights

CROPS = {
    "as TensorFlow's converter crops": ([3, 3], [19, 23], [2, 3]),
    "from the end": ([1], [-2], [3]),
    "rows alone": ([0], [9], [2]),
}


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize("offset", [(1, 2, 1, 1), (1,), None])
def test_a_slice_and_an_addition_behind_become_padding_and_bias(name: str, offset) -> None:
    starts, ends, axes = (np.array(values, np.int64) for values in CROPS[name])
    constants = {"w": weights(6, 2, 9, 9), "s": starts, "e": ends, "a": axes}
    body = "t = ConvTranspose<strides=[2,2]>(image, w) c = Slice(t, s, e, a)"
    if offset:
        constants["b"] = weights(*offset)
    model = parsed(f"{body} out = {'Add(c, b)' if offset else 'Relu(c)'}", constants)
    rewritten = rewrite(model, ["canonical"])
    assert "Slice" not in kinds(rewritten)
    assert "Add" not in kinds(rewritten)
    np.testing.assert_allclose(run(rewritten, IMAGE), run(model, IMAGE), atol=5e-5)


@pytest.mark.parametrize(
    "cut", ["Slice(t, zero, far, channels)", "Slice(t, zero, far, rows, two)", "Add(t, table)"]
)
def test_what_crops_channels_or_skips_rows_or_adds_pixels_stays(cut: str) -> None:
    numbers = {
        "zero": [0], "far": [1], "channels": [1], "rows": [2], "two": [2],
    }  # fmt: skip
    constants = {key: np.array(values, np.int64) for key, values in numbers.items()}
    constants |= {"w": weights(6, 2, 3, 3), "table": weights(1, 1, 17, 21)}
    model = parsed(f"t = ConvTranspose<strides=[2,2]>(image, w) out = {cut}", constants)
    rewritten = rewrite(model, ["canonical"])
    assert len(kinds(rewritten)) == 2
    np.testing.assert_allclose(run(rewritten, IMAGE), run(model, IMAGE), atol=2e-5)
