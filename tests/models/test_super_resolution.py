"""ESPCN, ABPN and the networks that begin with the bicubic enlargement."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edge_imgq.images.resize import upscale
from edge_imgq.models.abpn import AnchorNet
from edge_imgq.models.espcn import ESPCN
from edge_imgq.models.interpolated import Bicubic, SlimVDSR, srcnn, vdsr


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_published_networks_have_their_published_size() -> None:
    assert parameters(vdsr(2)) == 665_921  # Kim et al.: 665 K
    assert parameters(srcnn(2)) == 57_281  # Dong et al., 9-5-5: 57 K
    assert parameters(AnchorNet(2)) <= 45_000
    assert parameters(SlimVDSR(2)) <= 100_000


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_enlargement_is_the_bicubic_of_pillow(scale: int) -> None:
    pixels = np.random.default_rng(scale).integers(60, 190, (20, 24, 1), dtype=np.uint8)
    output = Bicubic(scale)(torch.from_numpy(pixels[None, None, ..., 0] / np.float32(255)))
    inner = slice(2 * scale, -2 * scale)
    ours = np.rint(output[0, 0].numpy() * 255)[inner, inner]
    assert np.abs(ours - upscale(pixels, scale)[inner, inner, 0]).max() <= 1


@pytest.mark.parametrize("scale", [2, 3])
def test_new_networks_start_near_an_enlarged_image(scale: int) -> None:
    torch.manual_seed(scale)
    image = torch.rand(1, 1, 12, 14)
    repeated = image.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    colour, wanted = (one.expand(-1, 3, -1, -1) for one in (image, repeated))
    assert float((ESPCN(scale)(image) - repeated).detach().abs().mean()) < 0.05
    assert float((AnchorNet(scale)(colour) - wanted).detach().abs().mean()) < 0.05
    difference = srcnn(scale)(image) - Bicubic(scale)(image)
    assert float(difference.detach().abs().mean()) < 0.05
    assert torch.equal(SlimVDSR(scale)(image), Bicubic(scale)(image))


def test_the_output_of_abpn_stays_in_the_range_of_pixels() -> None:
    network = AnchorNet(2)
    torch.nn.init.normal_(network.last.weight, std=1.0)
    output = network(torch.rand(1, 3, 8, 8)).detach()
    assert (float(output.min()), float(output.max())) == (0.0, 1.0)
