"""Pixels copied by new axes are a Resize to the nearest pixel."""

from __future__ import annotations

import numpy as np

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE
from tests.graph.passes.normalise.keras_graphs import (
    NUMBERS,
)


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
