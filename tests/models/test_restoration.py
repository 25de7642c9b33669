"""The two networks that keep an image's size: their start, their size, and what they restore."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data as skimage_data

from edge_imgq.images.blur import MotionBlur
from edge_imgq.images.degrade import Degradation
from edge_imgq.images.phone import PhoneCamera
from edge_imgq.metrics.psnr import psnr
from edge_imgq.models.deblur import SlimDeblur
from edge_imgq.models.dped import SlimDPED
from edge_imgq.models.zoo import load_network

BUILDERS = {"dped-slim": SlimDPED, "deblur-slim": SlimDeblur}


@pytest.mark.parametrize("name", BUILDERS)
def test_a_new_network_returns_its_input(name: str) -> None:
    image = torch.rand(2, 3, 16, 24)
    assert torch.equal(BUILDERS[name]()(image), image)


@pytest.mark.parametrize(("name", "most"), [("dped-slim", 30_000), ("deblur-slim", 150_000)])
def test_it_is_small_and_holds_no_normalisation(name: str, most: int) -> None:
    network = BUILDERS[name]()
    assert sum(parameter.numel() for parameter in network.parameters()) <= most
    kinds = {type(module).__name__ for module in network.modules()}
    assert not any("Norm" in kind or kind == "Tanh" for kind in kinds)


@pytest.mark.parametrize(
    ("name", "degrade", "least"),
    [
        ("dped-slim", PhoneCamera(), 5.0),
        ("deblur-slim", MotionBlur(shortest=9.0, longest=16.0), 0.7),
    ],
)
def test_trained_weights_bring_unseen_photographs_closer_to_the_truth(
    name: str, degrade: Degradation, least: float
) -> None:
    network = load_network(name)
    gains = []
    for photo in ("astronaut", "coffee", "chelsea"):
        truth = getattr(skimage_data, photo)()[40:232, 60:316]
        for seed in range(4):
            degraded = degrade(truth, np.random.default_rng(seed))
            image = torch.from_numpy(degraded.transpose(2, 0, 1)[None].astype(np.float32) / 255)
            with torch.inference_mode():
                output = network(image)[0].numpy().transpose(1, 2, 0)
            restored = np.clip(np.rint(output * 255), 0, 255).astype(np.uint8)
            gains.append(psnr(truth, restored) - psnr(truth, degraded))
    assert np.mean(gains) > least, gains
