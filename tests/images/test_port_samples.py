"""Inputs that are made of a photograph."""

from __future__ import annotations

from itertools import product

import numpy as np

from edge_imgq.contract import ImageContract
from edge_imgq.images.port_samples import SHIFT, with_ports


def test_the_mosaics_of_a_burst_are_the_photograph_moved() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (24, 28, 3), np.uint8)
    contract = ImageContract("image-to-image", 2, "rgb", layout="raw", frames=5)
    burst = with_ports(picture, contract, np.random.default_rng(2), {})
    assert burst.shape == (12, 14, 20)
    moves = list(product(range(-SHIFT, SHIFT + 1), repeat=2))
    found = []
    for frame in range(5):
        red = burst[2:-2, 2:-2, 4 * frame]
        whole = {m: np.roll(picture, m, (0, 1))[::2, ::2, 0][2:-2, 2:-2] for m in moves}
        found += [move for move, seen in whole.items() if (seen == red).all()]
    assert len(found) == 5
    assert found[2] == (0, 0)
    assert len(set(found)) > 1
