"""DPED's residual network for phone photographs, and a slim variant of it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), both 3x3, for (N, channels, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features + conv(relu(conv(features))), of the same shape (N, C, H, W)."""
        change: Tensor = self.second(F.relu(self.first(features)))
        return features + change


class ContextBlock(ResidualBlock):
    """A residual block whose features are scaled and shifted by the mean of their surroundings.

    Scale and shift per channel follow from the mean of all channels after a ReLU, through two small
    layers (Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018; Perez et al., "FiLM", AAAI
    2018). With the mean of the whole image it replaces instance normalisation, whose statistics
    have no range that calibration can bound. A new block is the residual block alone.

    Args:
        channels: Channels of the features.
        reach: Radius of the surroundings in each direction, in pixels; None for the whole image.
    """

    def __init__(self, channels: int, reach: int | None = None) -> None:
        super().__init__(channels)
        self.reach = reach
        self.squeeze = nn.Conv2d(channels, channels // 2, 1)
        self.excite = nn.Conv2d(channels // 2, 2 * channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return y + y · scale + shift, where y is the residual block's result on `features`.

        Both are (N, C, H, W) of the same shape. Scale and shift are computed per channel from the
        mean of relu(y), over the whole image (N, C, 1, 1) or, with a reach, around each pixel.
        """
        features = super().forward(features)
        mean = self._mean(F.relu(features))
        scale, shift = torch.chunk(self.excite(F.relu(self.squeeze(mean))), 2, dim=1)
        return features + features * scale + shift

    def _mean(self, features: Tensor) -> Tensor:
        if self.reach is None:
            return features.mean(dim=(2, 3), keepdim=True)
        side, reach = 2 * self.reach + 1, self.reach
        across = F.avg_pool2d(features, (1, side), 1, (0, reach), count_include_pad=False)
        return F.avg_pool2d(across, (side, 1), 1, (reach, 0), count_include_pad=False)


class SlimDPED(nn.Module):
    """The generator of Ignatov et al., ICCV 2017, narrowed and adapted to 8-bit integers.

    Differences from the paper: `width` channels for 64, a 5x5 first and a 3x3 last convolution for
    9x9, no instance normalisation (its statistics have no fixed range) and no tanh: the network
    adds a correction to its input. Input and output are RGB (N, 3, H, W), float32 in [0, 1]; the
    output is not clipped. A new network returns its input.
    """

    def __init__(self, width: int = 16, blocks: int = 4) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 5, padding=2)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.fuse = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
        )
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        start_at_identity(self, self.last)

    def forward(self, image: Tensor) -> Tensor:
        """Enhance RGB (N, 3, H, W) in [0, 1]; the result has the same shape and is not clipped."""
        features = self.blocks(F.relu(self.first(image)))
        correction: Tensor = self.last(self.fuse(features))
        return image + correction


class NormalisedBlock(nn.Module):
    """x + relu(norm(conv(relu(norm(conv(x)))))), as published; for (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.first_norm = nn.InstanceNorm2d(channels, eps=1e-3, affine=True)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.second_norm = nn.InstanceNorm2d(channels, eps=1e-3, affine=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return x + relu(norm(conv(relu(norm(conv(x)))))), both (N, C, H, W), any range.

        `norm` is instance normalisation, over the whole image.
        """
        hidden = F.relu(self.first_norm(self.first(features)))
        change: Tensor = F.relu(self.second_norm(self.second(hidden)))
        return features + change


class DPED(nn.Module):
    """The generator of Ignatov et al., ICCV 2017, as published.

    RGB (N, 3, H, W) in [0, 1], any size. Instance normalisation takes its statistics from the whole
    image, so a tile of an image gives another result than the whole.
    """

    def __init__(self, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 9, padding=4)
        self.blocks = nn.Sequential(*(NormalisedBlock(width) for _ in range(blocks)))
        self.fuse = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
        )
        self.last = nn.Conv2d(width, 3, 9, padding=4)

    def forward(self, image: Tensor) -> Tensor:
        """Enhance RGB (N, 3, H, W) in [0, 1]; the result has the same shape, in [-0.08, 1.08].

        It is 0.58 · tanh + 0.5, as published, and depends on the statistics of the whole image.
        """
        features = self.blocks(F.relu(self.first(image)))
        enhanced: Tensor = torch.tanh(self.last(self.fuse(features))) * 0.58 + 0.5
        return enhanced


def start_at_identity(network: nn.Module, last: nn.Conv2d) -> None:
    """Initialise a network so that it adds no correction to its input.

    In place, from torch's global generator. Convolutions start as He et al. (ICCV 2015), with zero
    biases; the second one of a residual block is scaled by 0.1, a context block starts without
    effect, and `last`, which computes the correction, is zero.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            # A quiet branch keeps the range from growing block by block.
            module.second.weight.data.mul_(0.1)
        if isinstance(module, ContextBlock):
            nn.init.zeros_(module.excite.weight)
    nn.init.zeros_(last.weight)
