"""Inputs that are made of a photograph."""

from __future__ import annotations

from itertools import product

import numpy as np

from edge_imgq.contract import ImageContract
from edge_imgq.images.port_samples import SHIFT, noise_port, noisy_of_level, with_ports
from edge_imgq.ports import Port


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


def test_a_picture_gets_the_noise_of_the_level_that_is_told() -> None:
    port = Port("sigma", "plane", 1, (0.0,), (50 / 255,))
    contract = ImageContract("denoise", 1, "rgb", further=(port,))
    assert noise_port(contract) == port
    gray = np.full((96, 96, 3), 127, np.uint8)
    told, had = [], []
    for seed in range(40):
        noisy, level = noisy_of_level(gray, port, np.random.default_rng(seed))
        assert level.shape == (1, 1, 1)
        told.append(float(level.item()) / 255 * 50)
        had.append(float(noisy.astype(float).std()))
    assert min(told) < 5
    assert max(told) > 45
    # At mid-gray all shares of shot noise are alike; rounding to pixels adds 1 / 12.
    wanted = np.sqrt(np.square(told) + 1 / 12)
    np.testing.assert_allclose(had, wanted, rtol=0.05, atol=0.3)


def test_an_opacity_is_whole_or_a_mask_so_that_both_are_calibrated() -> None:
    """A network that fills holes takes the mask there, and computes nothing where there is none."""
    picture = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    contract = ImageContract("image-to-image", 1, "rgb", layout="rgba")
    drawn = [with_ports(picture, contract, np.random.default_rng(n), {}) for n in range(16)]
    shares = [float((rgba[..., 3] == 255).mean()) for rgba in drawn]
    assert 4 <= sum(share == 1 for share in shares) <= 12
    assert any(0 < share < 0.7 for share in shares)
    for rgba in drawn:
        np.testing.assert_array_equal(rgba[..., :3], picture)
        assert set(np.unique(rgba[..., 3])) <= {0, 255}
    known = with_ports(picture, contract, None, {})
    assert (known[..., 3] == 255).all()
