"""Arithmetic on groups of channels is done on the channels themselves."""

from __future__ import annotations

import numpy as np

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE
from tests.graph.passes.normalise.keras_graphs import (
    NORM_ENDS,
    NORM_START,
    NUMBERS,
)


def test_groups_of_channels_last_are_normalised_as_the_channels_lie() -> None:
    names = {"x": "x", "axes": "over", "gain": "gain", "shift": "shift"}
    body = "t = Transpose<perm=[0,2,3,1]>(image) x = Reshape(t, rows)"
    body += (NORM_START + NORM_ENDS["the mean taken off last"]).format(**names)
    model = parsed(
        f"{body} z = Reshape(y, back) u = Transpose<perm=[0,3,1,2]>(z) out = Sigmoid(u)", NUMBERS
    )
    rewritten = rewrite(model, ["canonical"])
    assert not {"Transpose", "Reshape"} & set(kinds(rewritten))
    np.testing.assert_allclose(run(rewritten, IMAGE), run(model, IMAGE), atol=2e-5)
