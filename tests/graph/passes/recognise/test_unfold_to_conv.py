"""Neighbourhoods laid out as channels are a convolution that copies."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE

WINDOWS = {
    "every pixel": ((3, 6, 1, 1, 0), (3, 8, 1, 1, 0)),
    "steps of two": ((2, 4, 1, 2, 0), (3, 4, 1, 2, 1)),
    "dilated": ((3, 4, 2, 1, 0), (2, 5, 3, 1, 2)),
    "one row": ((1, 8, 1, 1, 0), (3, 3, 1, 3, 0)),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_an_unfolded_image_is_a_convolution_that_copies(name: str) -> None:
    tables = {
        key: first + np.add.outer(np.arange(taps) * dilation, np.arange(count) * stride)
        for key, (taps, count, dilation, stride, first) in zip("ij", WINDOWS[name], strict=True)
    }
    (rows, height), (columns, width) = tables["i"].shape, tables["j"].shape
    shape = np.array([1, 6 * rows * columns, height * width], np.int64)
    model = parsed(
        "g = Gather<axis=2>(image, i) h = Gather<axis=4>(g, j) "
        "t = Transpose<perm=[0,1,2,4,3,5]>(h) out = Reshape(t, s)",
        {**{key: table.astype(np.int64) for key, table in tables.items()}, "s": shape},
    )
    rewritten = rewrite(model, ["canonical"])
    assert "Gather" not in kinds(rewritten)
    assert "Conv" in kinds(rewritten)
    np.testing.assert_array_equal(run(rewritten, IMAGE), run(model, IMAGE))


def test_a_table_without_steps_is_left_alone() -> None:
    model = parsed(
        "g = Gather<axis=2>(image, i) h = Gather<axis=4>(g, j) "
        "t = Transpose<perm=[0,1,2,4,3,5]>(h) out = Reshape(t, s)",
        {"i": np.array([[0, 2, 3], [1, 3, 5]]), "j": np.array([[0, 1], [1, 2]]),
         "s": np.array([1, 24, 6])},
    )  # fmt: skip
    rewritten = rewrite(model, ["canonical"])
    assert kinds(rewritten).count("Gather") == 2
