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
from edge_imgq.models.residual import HalfResolutionResidual
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


def test_with_context_every_pixel_sees_the_mean_of_the_whole_image() -> None:
    torch.manual_seed(4)
    network = HalfResolutionResidual(8, 2, 3, context=True).eval()
    torch.nn.init.normal_(network.last.weight, std=0.1)
    near = torch.rand(1, 3, 64, 64)
    far = near.clone()
    far[..., 60:, 60:] = 1.0
    with torch.no_grad():
        assert torch.equal(network(near)[..., :8, :8], network(far)[..., :8, :8])  # when new
        for block in network.blocks:
            torch.nn.init.normal_(block.excite.weight, std=0.1)
        assert not torch.allclose(network(near)[..., :8, :8], network(far)[..., :8, :8], atol=1e-5)


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
        for seed in range(20):  # paths and light differ: gains from -0.4 to 2.7 dB
            degraded = degrade(truth, np.random.default_rng(seed))
            image = torch.from_numpy(degraded.transpose(2, 0, 1)[None].astype(np.float32) / 255)
            with torch.inference_mode():
                output = network(image)[0].numpy().transpose(1, 2, 0)
            restored = np.clip(np.rint(output * 255), 0, 255).astype(np.uint8)
            gains.append(psnr(truth, restored) - psnr(truth, degraded))
    assert np.mean(gains) > least, gains
