"""Pixels copied by new axes are a Resize to the nearest pixel."""

from __future__ import annotations

import numpy as np

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE

SEED = 6


GENERATOR = np.random.default_rng(SEED)


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
