"""A small network that says what a photograph suffers from and what each repair would bring."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DegradationNet(nn.Module):
    """Convolutions down to an eighth, whose features are averaged over the image at three sizes.

    Averages of rectified features estimate noise as the mean absolute deviation does, and compare
    places on the 8x8 grid of a JPEG; they say nothing of where, so any size will do. Two dense
    layers (1x1 convolutions on the averages, which every format has) make numbers of them. Input
    is RGB (N, 3, H, W) in [0, 1], output (N, outputs).

    Args:
        outputs: how many numbers it returns.
        widths: channels at half, a quarter and an eighth of the resolution.
        hidden: width of the first dense layer.
    """

    def __init__(
        self, outputs: int, widths: tuple[int, int, int] = (32, 48, 64), hidden: int = 96
    ) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.layers = nn.ModuleList(
            nn.Sequential(down, nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
            for width, down in (
                (half, nn.Conv2d(3, half, 6, stride=2, padding=2)),
                (quarter, nn.Conv2d(half, quarter, 3, stride=2, padding=1)),
                (eighth, nn.Conv2d(quarter, eighth, 3, stride=2, padding=1)),
            )
        )
        self.hidden = nn.Conv2d(half + quarter + eighth, hidden, 1)
        self.last = nn.Conv2d(hidden, outputs, 1)
        for module in self.layers.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        """Return the numbers (N, outputs)."""
        features, means = image, []
        for layer in self.layers:
            features = layer(features)
            means.append(features.mean((2, 3), keepdim=True))
        numbers: Tensor = self.last(F.relu(self.hidden(torch.cat(means, dim=1))))
        return numbers.flatten(1)
