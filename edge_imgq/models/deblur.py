"""A small encoder-decoder that removes motion blur."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.models.dped import ResidualBlock, start_at_identity


class SlimDeblur(nn.Module):
    """Two stride-2 convolutions down, residual blocks at a quarter, two pixel shuffles up.

    The encoder's features are added to the decoder's at full and at half resolution, and the
    result is a correction added to the input, as in Kim et al., CVPR 2016. Input and output are
    RGB (N, 3, H, W) in [0, 1], H and W multiples of 4; the output is not clipped. A new network
    returns its input.

    Args:
        widths: Channels at full, half and quarter resolution.
        blocks: Residual blocks at a quarter of the resolution.
    """

    def __init__(self, widths: tuple[int, int, int] = (16, 24, 40), blocks: int = 4) -> None:
        super().__init__()
        full, half, quarter = widths
        self.encode_full = nn.Conv2d(3, full, 3, padding=1)
        self.encode_half = nn.Conv2d(full, half, 3, stride=2, padding=1)
        self.encode_quarter = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(quarter) for _ in range(blocks)))
        self.up_half = nn.Sequential(nn.Conv2d(quarter, half * 4, 1), nn.PixelShuffle(2))
        self.decode_half = nn.Conv2d(half, half, 3, padding=1)
        self.up_full = nn.Sequential(nn.Conv2d(half, full * 4, 1), nn.PixelShuffle(2))
        self.decode_full = nn.Conv2d(full, full, 3, padding=1)
        self.last = nn.Conv2d(full, 3, 3, padding=1)
        start_at_identity(self, self.last)

    def forward(self, image: Tensor) -> Tensor:
        """Deblur RGB (N, 3, H, W) in [0, 1]; the result has the same shape."""
        full = F.relu(self.encode_full(image))
        half = F.relu(self.encode_half(full))
        quarter = self.blocks(F.relu(self.encode_quarter(half)))
        half = F.relu(self.decode_half(half + self.up_half(quarter)))
        full = F.relu(self.decode_full(full + self.up_full(half)))
        correction: Tensor = self.last(full)
        return image + correction
