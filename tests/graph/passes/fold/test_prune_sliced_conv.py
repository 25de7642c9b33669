"""Layers compute the channels that are read."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.passes.canonical import canonical
from edge_imgq.graph.passes.fold.prune_sliced_conv import prune_sliced_conv
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE
from tests.graph.passes.fold.mirrored import CONSTANTS, CONV, SLICES


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
