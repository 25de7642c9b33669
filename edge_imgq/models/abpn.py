"""ABPN: super-resolution designed for 8-bit integers."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn


class AnchorNet(nn.Module):
    """The anchor-based plain net of Du, Liu, Tang and Wu, CVPR 2021 workshops, on RGB.

    Plain 3x3 convolutions with ReLU estimate a correction. The anchor, each input pixel repeated
    for all its output pixels, is added before depth-to-space, and the sum is clipped to [0, 1].
    Differences from the paper: the last convolution reads the hidden channels directly, and these
    are wider. Input (N, 3, H, W), output (N, 3, scale * H, scale * W), both float32 in [0, 1]. A
    new network repeats pixels.

    Args:
        scale: Output height over input height.
        features: Channels between the convolutions.
        layers: Convolutions before the last one.
    """

    repeat: Tensor

    def __init__(self, scale: int, features: int = 32, layers: int = 5) -> None:
        super().__init__()
        self.scale = scale
        widths = [3] + [features] * layers
        body: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            body += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*body)
        self.last = nn.Conv2d(features, 3 * scale**2, 3, padding=1)
        # A convolution repeats pixels exactly, in int8 too, and every runtime has a quick one.
        repeat = torch.eye(3).repeat_interleave(scale**2, dim=0)[..., None, None]
        self.register_buffer("repeat", repeat, persistent=False)
        self._start_at_anchor()

    def forward(self, image: Tensor) -> Tensor:
        """Up-scale RGB (N, 3, H, W) in [0, 1] to (N, 3, scale * H, scale * W), clipped to [0, 1].

        H and W may have any size.
        """
        anchor = nn.functional.conv2d(image, self.repeat)
        phases: Tensor = self.last(self.body(image)) + anchor
        enlarged: Tensor = nn.functional.pixel_shuffle(phases.clamp(0.0, 1.0), self.scale)
        return enlarged

    @torch.no_grad()
    def _start_at_anchor(self) -> None:
        for module in self.body:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.last.weight, std=0.001)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)
