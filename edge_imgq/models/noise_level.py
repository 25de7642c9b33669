"""A U-shaped denoiser that is told the noise level."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.models.dped import start_at_identity


class NoiseLevelUnet(nn.Module):
    """Remove noise of a given level: U-shaped like NAFNet, of plain convolutions, made for int8.

    The level is a plane beside the image, as in FFDNet (Zhang et al., IEEE TIP 2018), so it may
    differ from pixel to pixel. Convolutions with ReLU work at half and at quarter resolution (the
    U-shape is that of NAFNet, Chen et al., ECCV 2022, whose gates and normalisation are left out).
    Nothing is added up: a sum is signed and wide, and int8 stores it in as few steps as a narrow
    tensor. Where two tensors meet they are concatenated, and the next convolution adds in 32 bits.
    So does the last one with the image, and its result is rounded once, to pixels. A new network
    returns its input.

    Args:
        half: Channels at half resolution.
        quarter: Channels at quarter resolution.
        outer: Convolutions at half resolution between the first one and the quarter.
        inner: Convolutions at quarter resolution.
    """

    phases: Tensor

    def __init__(self, half: int = 16, quarter: int = 24, outer: int = 1, inner: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, half, 6, stride=2, padding=2)
        self.encode = _chain(half, outer)
        self.down = nn.Conv2d(half, quarter, 2, stride=2)
        self.deep = _chain(quarter, inner)
        self.up = nn.Conv2d(quarter, 4 * half, 1)
        self.fuse = nn.Conv2d(2 * half, half, 3, padding=1)
        self.last = nn.Conv2d(half + 12, 12, 3, padding=1)
        start_at_identity(self, self.last)
        with torch.no_grad():
            self.last.weight[:, half:, 1, 1] = torch.eye(12)
        # The order that `pixel_shuffle` undoes; a convolution copies exactly, in int8 too.
        phases = torch.cat((torch.eye(12).reshape(12, 3, 2, 2), torch.zeros(12, 1, 2, 2)), dim=1)
        self.register_buffer("phases", phases, persistent=False)

    def forward(self, seen: Tensor) -> Tensor:
        """Return the denoised RGB image (N, 3, H, W), not clipped.

        Args:
            seen: (N, 4, H, W) in [0, 1], H and W multiples of 4: RGB, and the noise level as a
                share of the largest one.
        """
        near = self.encode(F.relu(self.first(seen)))
        far = F.relu(self.up(self.deep(F.relu(self.down(near)))))
        fused = self.fuse(torch.cat((near, F.pixel_shuffle(far, 2)), dim=1))
        image = F.conv2d(seen, self.phases, stride=2)
        # Both in [0, 1], so that they share the step of pixels.
        together = torch.cat((fused.clamp(0.0, 1.0), image), dim=1)
        denoised: Tensor = F.pixel_shuffle(self.last(together), 2)
        return denoised


def _chain(channels: int, count: int) -> nn.Sequential:
    """Return `count` 3x3 convolutions, each with a ReLU."""
    layers = ([nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()] for _ in range(count))
    return nn.Sequential(*itertools.chain.from_iterable(layers))
