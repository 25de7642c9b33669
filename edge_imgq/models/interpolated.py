"""Super-resolution on the bicubic enlargement: SRCNN, VDSR and a slim VDSR."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.models.dped import ResidualBlock, start_at_identity

RADIUS = 2
"""Radius of the cubic kernel, in input pixels."""


class Bicubic(nn.Module):
    """Enlarge (N, 1, H, W) by Keys' cubic with a = -0.5, as a convolution and a pixel shuffle.

    Phones have no bicubic operator; this computes the same sum. Pixels beyond the border are zero,
    so the outer pixels are darker than Pillow's.
    """

    kernel: Tensor

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.register_buffer("kernel", cubic_kernels(scale), persistent=False)

    def forward(self, luma: Tensor) -> Tensor:
        """Enlarge luma (N, 1, H, W) by bicubic to (N, 1, scale * H, scale * W), not clipped.

        Keys' cubic with a = -0.5, in float32; values may have any range. The image is padded with
        zeros, so the outermost pixels are darker than those of other bicubic resizes.
        """
        enlarged: Tensor = F.pixel_shuffle(self.phases(luma), self.scale)
        return enlarged

    def phases(self, luma: Tensor) -> Tensor:
        """Return the pixels of `forward` before the pixel shuffle, (N, scale**2, H, W).

        Channel scale · p + q holds output rows p, p + scale, … and columns q, q + scale, …; `luma`
        is (N, 1, H, W).
        """
        return F.conv2d(luma, self.kernel, padding=RADIUS)


class InterpolatedNet(nn.Module):
    """Convolutions with ReLU that estimate a correction to the bicubic enlargement.

    Input luma (N, 1, H, W), output (N, 1, scale * H, scale * W), both float32 in [0, 1]. The output
    is not clipped. A new network is a bicubic upscaler.

    Args:
        scale: Output height over input height.
        widths: Channels between the convolutions.
        kernels: Kernel sizes of the convolutions, one more than widths.
    """

    def __init__(self, scale: int, widths: tuple[int, ...], kernels: tuple[int, ...]) -> None:
        super().__init__()
        self.enlarge = Bicubic(scale)
        layers: list[nn.Module] = []
        for (inputs, outputs), side in zip(
            itertools.pairwise((1, *widths, 1)), kernels, strict=True
        ):
            layers += [nn.Conv2d(inputs, outputs, side, padding=side // 2), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1])
        self._start_at_bicubic()

    def forward(self, luma: Tensor) -> Tensor:
        """Up-scale luma (N, 1, H, W) in [0, 1] to (N, 1, scale * H, scale * W), not clipped.

        H and W may have any size.
        """
        enlarged = self.enlarge(luma)
        detail: Tensor = self.body(enlarged)
        restored: Tensor = enlarged + detail
        return restored

    @torch.no_grad()
    def _start_at_bicubic(self) -> None:
        for module in self.body:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        last = self.body[-1]
        assert isinstance(last, nn.Conv2d)
        last.weight.mul_(0.01)


class SlimVDSR(nn.Module):
    """VDSR at a fraction of its cost: the bicubic enlargement is corrected in phases.

    The enlargement is kept as `scale**2` channels at the input's size, one per output phase, and so
    is the correction. A 3x3 convolution on phases reads as much of the enlargement as a 6x6 one (at
    scale 2), at a quarter of the multiplications. Blocks skip over pairs of layers. Input luma (N,
    1, H, W), output (N, 1, scale * H, scale * W), both float32 in [0, 1]. The output is not
    clipped. A new network is a bicubic upscaler.

    Args:
        scale: Output height over input height.
        width: Channels of every layer.
        blocks: Residual blocks of two 3x3 convolutions.
    """

    def __init__(self, scale: int, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        self.scale = scale
        self.enlarge = Bicubic(scale)
        self.first = nn.Conv2d(scale**2, width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.last = nn.Conv2d(width, scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)
        start_at_identity(self, self.last)

    def forward(self, luma: Tensor) -> Tensor:
        """Up-scale luma (N, 1, H, W) in [0, 1] to (N, 1, scale * H, scale * W), not clipped.

        H and W may have any size.
        """
        phases = self.enlarge.phases(luma)
        features = self.blocks(F.relu(self.first(phases)))
        correction: Tensor = self.last(F.relu(features))
        restored: Tensor = self.shuffle(phases + correction)
        return restored


def vdsr(scale: int, width: int = 64, layers: int = 20) -> InterpolatedNet:
    """Build VDSR of Kim, Lee and Lee, CVPR 2016: bicubic enlargement plus 3x3 convolutions.

    It maps luma (N, 1, H, W) in [0, 1] to (N, 1, scale * H, scale * W), not clipped. Initial
    weights are random, from torch's global generator.

    Args:
        scale: Output height over input height.
        width: Channels between the convolutions; 64 in the paper.
        layers: Convolutions; 20 in the paper.
    """
    return InterpolatedNet(scale, (width,) * (layers - 1), (3,) * layers)


def srcnn(scale: int) -> InterpolatedNet:
    """Build SRCNN 9-5-5 of Dong et al., TPAMI 2016, with a residual as in VDSR.

    It maps luma (N, 1, H, W) in [0, 1] to (N, 1, scale * H, scale * W), not clipped. Initial
    weights are random, from torch's global generator.
    """
    return InterpolatedNet(scale, (64, 32), (9, 5, 5))


def cubic_kernels(scale: int) -> Tensor:
    """Return kernels of bicubic enlargement, float32 (scale**2, 1, 5, 5), one per output phase.

    A convolution with them (padding 2) and a pixel shuffle enlarge (N, 1, H, W). Keys' cubic with
    a = −0.5; the taps of each kernel sum to 1.
    """
    phases = torch.arange(scale, dtype=torch.float64)[:, None]
    position = (phases + 0.5) / scale - 0.5
    distance = (torch.arange(-RADIUS, RADIUS + 1)[None, :] - position).abs()
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    taps = torch.where(distance <= 1, near, torch.where(distance < RADIUS, far, 0.0))
    kernels = taps[:, None, :, None] * taps[None, :, None, :]
    return kernels.reshape(scale * scale, 1, 2 * RADIUS + 1, 2 * RADIUS + 1).float()
