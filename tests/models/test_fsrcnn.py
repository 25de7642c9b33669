"""FSRCNN: the paper's size, its sub-pixel form, its start and its trained weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge_imgq.images.files import list_images, read_y
from edge_imgq.images.resize import crop_to_multiple, downscale, upscale
from edge_imgq.metrics.psnr import psnr
from edge_imgq.models.fsrcnn import FSRCNN, bicubic_kernel
from edge_imgq.models.zoo import load_network


def test_it_has_the_weights_that_the_paper_counts() -> None:
    convolutions = [
        module.weight.numel()
        for module in FSRCNN(scale=2).modules()
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))
    ]
    assert sum(convolutions) == 12_464  # Dong et al., ECCV 2016, table 4: FSRCNN (56, 12, 4)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_sub_pixel_form_equals_the_transposed_convolution(scale: int) -> None:
    torch.manual_seed(scale)
    network = FSRCNN(scale)
    torch.nn.init.normal_(network.upsample.weight)
    luma = torch.rand(2, 1, 7, 11, requires_grad=True)
    plain, subpixel = network(luma), network.forward_subpixel(luma)
    assert plain.shape == (2, 1, 7 * scale, 11 * scale)
    torch.testing.assert_close(subpixel, plain, atol=1e-4, rtol=1e-5)
    gradients = [
        torch.autograd.grad(out.square().sum(), network.upsample.weight)[0]
        for out in (plain, subpixel)
    ]
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-2, rtol=1e-4)


def test_a_new_network_is_the_bicubic_upscaler_of_pillow() -> None:
    pixels = np.random.default_rng(6).integers(60, 190, (20, 24, 1), dtype=np.uint8)
    network = FSRCNN(scale=2).eval()
    with torch.no_grad():
        network.upsample.weight[1:] = 0.0
        output = network(torch.from_numpy(pixels[None, None, ..., 0] / np.float32(255)))
    ours = np.rint(output[0, 0].numpy() * 255)
    difference = np.abs(ours - upscale(pixels, 2)[..., 0])[4:-4, 4:-4]
    assert difference.max() <= 1
    assert (difference == 0).mean() > 0.99


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_phase_of_the_bicubic_kernel_sums_to_one(scale: int) -> None:
    kernel = bicubic_kernel(scale)
    for phase in range(scale):
        assert float(kernel[phase::scale].sum()) == pytest.approx(1.0)


def test_trained_slopes_lie_in_zero_to_one() -> None:
    slopes = torch.cat(
        [m.weight for m in load_network("fsrcnn-x2").modules() if isinstance(m, torch.nn.PReLU)]
    )
    assert float(slopes.min()) >= 0.0
    assert float(slopes.max()) <= 1.0


def test_the_trained_network_reaches_36_5_decibels_on_set5(shared_data: Path) -> None:
    network, values = load_network("fsrcnn-x2"), []
    for path in list_images(shared_data / "Set5"):
        truth = crop_to_multiple(read_y(path), 2)
        low = downscale(truth, 2).astype(np.float32) / 255
        with torch.inference_mode():
            output = network(torch.from_numpy(low[None, None, ..., 0]))[0, 0].numpy()
        enlarged = np.clip(np.rint(output * 255), 0, 255).astype(np.uint8)[..., None]
        values.append(psnr(truth, enlarged, shave=2))
    assert np.mean(values) >= 36.5
