"""Deep features for content losses."""

from __future__ import annotations

import itertools
from pickle import UnpicklingError
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from edge_imgq.errors import ModelError
from edge_imgq.models.deblur import SlimDeblur
from edge_imgq.models.zoo import load_network, zoo_entry
from edge_imgq.train.checkpoint import load_checkpoint_network
from edge_imgq.train.workers import ALONE, Workers

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = "deblur-slim"
"""Shipped network whose encoder serves as default feature network."""

VGG19 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)
"""Channels of the convolutions of VGG-19 (Simonyan and Zisserman, ICLR 2015); 0 halves the size."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class Encoder(nn.Module):
    """The encoder and blocks of a shipped deblurring network, at quarter resolution."""

    def __init__(self, network: SlimDeblur) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Return features (N, channels, H / 4, W / 4) of RGB (N, 3, H, W) in [0, 1].

        Sides are rounded up.
        """
        features: Tensor = self.network.encode(image)[-1]
        return features


class VGG(nn.Module):
    """VGG-19 up to the ReLU after its last convolution, on RGB in [0, 1].

    The weights are a state dict of torchvision's `vgg19`: `features.0.weight` and so on.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        widths = (3, *(width for width in VGG19 if width))
        pairs = itertools.pairwise(widths)
        for width in VGG19:
            if width:
                layers += [nn.Conv2d(*next(pairs), 3, padding=1), nn.ReLU()]
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        for name, values in (("mean", IMAGENET_MEAN), ("deviation", IMAGENET_DEVIATION)):
            constant = torch.tensor(values).reshape(1, 3, 1, 1)
            self.register_buffer(name, constant, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Return features (N, 512, H / 16, W / 16), 0 or above, of RGB (N, 3, H, W) in [0, 1].

        Sides are rounded down after each of the four poolings.
        """
        features: Tensor = self.features((image - self.mean) / self.deviation)
        return features


def load_features(path: Path | None) -> nn.Module:
    """Return a frozen network that maps RGB (N, 3, H, W) in [0, 1] to features.

    It is on the CPU, in evaluation mode. Features are (N, channels, H / 4, W / 4) with deblur-slim,
    (N, 512, H / 16, W / 16) with VGG-19.

    Args:
        path: Weights of torchvision's VGG-19 (.pth or .safetensors), or a checkpoint of `edge-imgq
            train deblur-slim`; None for the shipped deblur-slim. Nothing is downloaded, and no code
            in a file is executed.

    Raises:
        ModelError: The file is none of these.
        UsageError: deblur-slim ships without weights.
    """
    if path is None:
        network = load_network(DEFAULT)
        assert isinstance(network, SlimDeblur)
        return Encoder(network).eval().requires_grad_(False)
    tensors = _state_dict(path)
    if "features.0.weight" in tensors:
        vgg = VGG()
        try:
            vgg.load_state_dict({k: v for k, v in tensors.items() if k.startswith("features.")})
        except RuntimeError as error:
            raise ModelError(f"{path} does not hold the weights of VGG-19: {error}.") from error
        return vgg.eval().requires_grad_(False)
    name, network = load_checkpoint_network(path)
    if not isinstance(network, SlimDeblur):
        raise ModelError(
            f"{path} is a {name}, which has no encoder; give weights of torchvision's VGG-19 or a "
            f"checkpoint of {zoo_entry(DEFAULT).name}."
        )
    return Encoder(network).eval().requires_grad_(False)


def content_loss(
    features: nn.Module, restored: Tensor, truth: Tensor, workers: Workers = ALONE
) -> Tensor:
    """Return the mean squared difference of features over the mean square of the truth's.

    A scalar tensor with gradients, 0 for equal images. The papers do not divide; the ratio makes
    weights comparable between feature networks. One channel is repeated to three.

    Args:
        features: feature network.
        restored: images (N, 1 or 3, H, W) in [0, 1].
        truth: ground truth of the same shape.
        workers: processes that share the batch; the truth's mean square is over all of it.
    """
    expected = features(_three_channels(truth))
    actual = features(_three_channels(restored))
    energy = workers.average(expected.square().mean()).clamp(min=1e-6)
    ratio: Tensor = F.mse_loss(actual, expected) / energy
    return ratio


def _three_channels(image: Tensor) -> Tensor:
    return image if image.shape[1] == 3 else image.expand(-1, 3, -1, -1)


def _state_dict(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, UnpicklingError, EOFError) as error:
        raise ModelError(f"{path} holds no weights of a feature network: {error}.") from error
    if not isinstance(loaded, dict):
        raise ModelError(f"{path} holds no state dict, but a {type(loaded).__name__}.")
    return {str(name): tensor for name, tensor in loaded.items() if isinstance(tensor, Tensor)}
