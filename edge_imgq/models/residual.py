"""A residual network that works at half resolution: JPEG artefacts, noise, tone and colour."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.models.dped import ContextBlock, ResidualBlock, start_at_identity


class HalfResolutionResidual(nn.Module):
    """Estimate what is wrong with an image, and subtract it.

    As in DnCNN (Zhang et al., IEEE TIP 2017) and the 20-layer network against JPEG artefacts of
    ICME 2017, the network learns the residual and skips over pairs of layers; as in FFDNet (Zhang
    et al., IEEE TIP 2018) the layers work at half the resolution, which costs a quarter of the
    time and doubles what each pixel sees. A first convolution of stride 2 goes down, a pixel
    shuffle comes back. Input and output are (N, channels, H, W) in [0, 1], H and W even; the output
    is not clipped. A new network returns its input.

    Args:
        width: Channels of every layer.
        blocks: Residual blocks of two 3x3 convolutions.
        channels: Of the image: 1 for luma, 3 for RGB.
        context: Whether the features of every block are adjusted to the mean of the whole image.
    """

    def __init__(
        self, width: int, blocks: int, channels: int = 1, *, context: bool = False
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 6, stride=2, padding=2)
        block = ContextBlock if context else ResidualBlock
        self.blocks = nn.Sequential(*(block(width) for _ in range(blocks)))
        self.last = nn.Conv2d(width, 4 * channels, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        start_at_identity(self, self.last)

    def forward(self, image: Tensor) -> Tensor:
        """Restore an image (N, channels, H, W) in [0, 1]; the result has the same shape."""
        features = self.blocks(F.relu(self.first(image)))
        correction: Tensor = self.shuffle(self.last(F.relu(features)))
        return image + correction
