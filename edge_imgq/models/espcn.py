"""ESPCN: super-resolution by three convolutions and a pixel shuffle."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ESPCN(nn.Module):
    """The network of Shi et al., CVPR 2016, on one luma channel.

    Difference from the paper: ReLU for tanh, which keeps all 8 bits of an integer network in use.
    Input (N, 1, H, W), output (N, 1, scale * H, scale * W), both float32 in [0, 1]. The output is
    not clipped. A new network repeats pixels.

    Args:
        scale: Output height over input height.
        features: Channels after the first and the second convolution.
    """

    def __init__(self, scale: int, features: tuple[int, int] = (64, 32)) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, features[0], 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(features[0], features[1], 3, padding=1),
            nn.ReLU(),
        )
        self.last = nn.Conv2d(features[1], scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)
        self._start_at_repetition()

    def forward(self, luma: Tensor) -> Tensor:
        """Up-scale luma (N, 1, H, W) in [0, 1] to (N, 1, scale * H, scale * W), not clipped.

        H and W may have any size.
        """
        enlarged: Tensor = self.shuffle(self.last(self.body(luma)))
        return enlarged

    @torch.no_grad()
    def _start_at_repetition(self) -> None:
        """Initialise so that channel 0 carries the non-negative image to every output phase."""
        for module in (*self.body, self.last):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)
                centre = module.kernel_size[0] // 2
                carried = slice(None) if module is self.last else slice(1)
                module.weight[carried] *= 0.01 if module is self.last else 0.0
                module.weight[carried, 0, centre, centre] = 1.0
