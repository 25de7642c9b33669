"""Beginning with the weights of another network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge_imgq.errors import ModelError
from edge_imgq.images.files import write_image
from edge_imgq.models.fsrcnn import FSRCNN
from edge_imgq.models.interpolated import SlimVDSR
from edge_imgq.models.zoo import load_network, weights_path, zoo_entry
from edge_imgq.train.checkpoint import load_checkpoint_network
from edge_imgq.train.config import TrainConfig
from edge_imgq.train.loop import train
from edge_imgq.train.schedule import Schedule
from edge_imgq.train.warm_start import warm_start


def smooth_image() -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(30.0), indexing="ij")
    return (0.5 + 0.3 * torch.sin(rows / 4) * torch.cos(columns / 5))[None, None]


@pytest.mark.parametrize("scale", [3, 4])
def test_another_scale_starts_with_the_trained_body_and_nearly_the_trained_kernel(
    scale: int,
) -> None:
    torch.manual_seed(3)
    network, trained = FSRCNN(scale), load_network("fsrcnn-x2")
    warm_start(network, weights_path("fsrcnn-x2"))
    image = smooth_image()
    with torch.no_grad():
        assert torch.equal(network.hidden(image), trained.hidden(image))
        wanted = torch.nn.functional.interpolate(image, scale_factor=scale, mode="bicubic")
        difference = (network(image) - wanted)[..., 20:-20, 20:-20].abs()
    # The body's channels do not add up to an image by chance: a kernel of noise is far away.
    assert float(difference.mean()) < 0.05


def test_a_network_at_half_resolution_goes_on_as_one_on_the_phases_of_the_enlargement() -> None:
    network, trained = zoo_entry("vdsr-slim-x2").build(), load_network("jpeg-slim")
    assert isinstance(network, SlimVDSR)
    warm_start(network, weights_path("jpeg-slim"))
    image = smooth_image()
    with torch.no_grad():
        features = network.first(network.enlarge.phases(image))
        assert torch.allclose(features, trained.first(network.enlarge(image)), atol=1e-6)
        assert torch.equal(network.blocks[4].first.weight, trained.blocks[4].first.weight)


def test_the_averaged_weights_of_a_checkpoint_are_taken(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    pixels = np.random.default_rng(5).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    write_image(photos / "0.png", pixels)
    schedule = Schedule(steps=4, batch=1, patch=16, learning_rate=1e-3)
    first = TrainConfig("jpeg-slim", (photos,), tmp_path / "first", schedule)
    checkpoint = train(first, lambda progress: None).checkpoint
    network = zoo_entry("denoise-slim").build()
    warm_start(network, checkpoint)
    for name, tensor in load_checkpoint_network(checkpoint)[1].state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor)


def test_weights_of_a_network_with_no_layer_in_common_are_refused() -> None:
    with pytest.raises(ModelError, match="holds no layer of this network; it is dped-slim"):
        warm_start(FSRCNN(2), weights_path("dped-slim"))


def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_text("no")
    with pytest.raises(ModelError, match="neither a checkpoint nor weights"):
        warm_start(FSRCNN(2), path)
