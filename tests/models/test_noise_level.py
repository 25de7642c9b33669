"""The denoiser that is told the noise level: its start, its size, and what it learns of it."""

from __future__ import annotations

import torch

from edge_imgq.models.noise_level import NoiseLevelUnet


def test_a_new_network_returns_its_image() -> None:
    seen = torch.rand(2, 4, 16, 24)
    assert torch.equal(NoiseLevelUnet()(seen), seen[:, :3])


def test_it_is_small_and_of_plain_convolutions() -> None:
    network = NoiseLevelUnet()
    assert sum(parameter.numel() for parameter in network.parameters()) <= 150_000
    leaves = {type(part) for part in network.modules() if not list(part.children())}
    assert leaves == {torch.nn.Conv2d, torch.nn.ReLU}
