"""Padding by negative amounts is a slice."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE


@pytest.mark.parametrize("pads", [[-2, -1, -3, 0], [-2, 3, 0, -1], [0, 0, -7, -9]])
@pytest.mark.parametrize("size", ["8,10", "h,w"])
def test_padding_by_negative_amounts_is_a_slice(pads: list[int], size: str) -> None:
    numbers = np.array([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64)
    model = parsed("p = Pad(image, n) out = Relu(p)", {"n": numbers}, size)
    rewritten = rewrite(model, ["canonical"])
    assert "Slice" in kinds(rewritten)
    assert ("Pad" in kinds(rewritten)) == (max(pads) > 0)
    np.testing.assert_array_equal(run(rewritten, IMAGE), run(model, IMAGE))
