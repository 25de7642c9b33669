"""The denoiser that is told the noise level: its start, its size, and what the level does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data as skimage_data
from torch import Tensor

from edge_imgq.images.noise import SensorNoise
from edge_imgq.metrics.psnr import psnr
from edge_imgq.models.noise_level import NoiseLevelUnet
from edge_imgq.models.zoo import load_network, zoo_entry

PHOTOS = ("astronaut", "coffee", "chelsea")


def with_level(pixels: np.ndarray, sigma: float) -> Tensor:
    """Return a photograph and its noise level, in levels of 255, as the network reads them."""
    (port,) = zoo_entry("denoise-sigma").further
    image = torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    plane = torch.full_like(image[:, :1], sigma / 255 / port.high[0])
    return torch.cat((image, plane), dim=1)


def denoised(pixels: np.ndarray, sigma: float) -> np.ndarray:
    with torch.inference_mode():
        output = load_network("denoise-sigma")(with_level(pixels, sigma))[0].numpy()
    return np.clip(np.rint(output.transpose(1, 2, 0) * 255), 0, 255).astype(np.uint8)


def test_a_new_network_returns_its_image() -> None:
    seen = torch.rand(2, 4, 16, 24)
    assert torch.equal(NoiseLevelUnet()(seen), seen[:, :3])


def test_it_is_small_and_of_plain_convolutions() -> None:
    network = NoiseLevelUnet()
    assert sum(parameter.numel() for parameter in network.parameters()) <= 150_000
    leaves = {type(part) for part in network.modules() if not list(part.children())}
    assert leaves == {torch.nn.Conv2d, torch.nn.ReLU}


@pytest.mark.parametrize(("sigma", "least"), [(10.0, 4.5), (25.0, 8.5), (45.0, 11.0)])
@pytest.mark.parametrize("shot", [0.0, 1.0])
def test_trained_weights_remove_the_noise_that_they_are_told(
    sigma: float, shot: float, least: float
) -> None:
    gains = []
    for name in PHOTOS:
        truth = getattr(skimage_data, name)()[40:232, 60:316]
        noisy = SensorNoise(sigma, shot)(truth, np.random.default_rng(1))
        gains.append(psnr(truth, denoised(noisy, sigma)) - psnr(truth, noisy))
    assert np.mean(gains) > least, gains


def test_a_wrong_level_leaves_noise_or_takes_detail() -> None:
    truth = skimage_data.astronaut()[40:232, 60:316]
    noisy = SensorNoise(20.0)(truth, np.random.default_rng(2))
    right, low, high = (psnr(truth, denoised(noisy, sigma)) for sigma in (20.0, 8.0, 40.0))
    assert right > low + 1.0
    assert right > high + 0.3


def test_a_clean_photograph_told_to_be_clean_loses_no_more_than_the_card_says() -> None:
    losses = []
    for name in PHOTOS:
        truth = getattr(skimage_data, name)()[40:232, 60:316]
        losses.append(psnr(truth, denoised(truth, 0.0)))
    assert min(losses) > 36, losses
