"""A residual network at half resolution against JPEG artefacts, noise and tone errors."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.models.dped import ContextBlock, ResidualBlock, start_at_identity


class HalfResolutionResidual(nn.Module):
    """Estimate the degradation of an image at half resolution, and subtract it.

    As in DnCNN (Zhang et al., IEEE TIP 2017) and the 20-layer network against JPEG artefacts of
    ICME 2017, the network learns the residual and skips over pairs of layers. As in FFDNet (Zhang
    et al., IEEE TIP 2018) the layers work at half the resolution, which costs a quarter of the time
    and doubles the receptive field. The first convolution has stride 2, and a pixel shuffle
    restores the size. Input and output are (N, channels, H, W) in [0, 1], H and W even; the output
    is not clipped. A new network returns its input.

    Args:
        width: Channels of every layer.
        blocks: Residual blocks of two 3x3 convolutions.
        channels: Channels of the image: 1 for luma, 3 for RGB.
        context: Whether every block is scaled and shifted by the mean of the whole image.
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
        """Restore (N, channels, H, W) in [0, 1]; the result has the same shape and is not clipped.

        H and W are even. `channels` is 1 for luma, 3 for RGB, as the network was built.
        """
        features = self.blocks(F.relu(self.first(image)))
        correction: Tensor = self.shuffle(self.last(F.relu(features)))
        return image + correction
