"""Reshapes that follow each other are one, or none."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE


@pytest.mark.parametrize("size", ["8,10", "h,w"])
def test_one_channel_moved_to_the_end_and_back_is_nothing(size: str) -> None:
    model = parsed(
        "t = Transpose<perm=[0,2,3,1]>(image) u = Unsqueeze(t, zero) r = Reshape(u, open) "
        "out = Relu(r)",
        {"zero": np.array([0], np.int64), "open": np.array([1, 1, 0, 0], np.int64)},
        size, 1,
    )  # fmt: skip
    rewritten = rewrite(model, ["canonical"])
    if size != "h,w":
        assert kinds(rewritten) == ["Relu"]
    image = IMAGE[:, :1]
    np.testing.assert_array_equal(run(rewritten, image), run(model, image))
