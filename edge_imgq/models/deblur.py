"""A small encoder-decoder against motion blur, single-scale or coarse to fine."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.models.dped import ContextBlock, ResidualBlock, start_at_identity

REACH = 8
"""Radius of a context block's surroundings, in pixels at quarter resolution."""


class SlimDeblur(nn.Module):
    """Encoder-decoder: two stride-2 convolutions, residual blocks at a quarter, two pixel shuffles.

    The encoder's features are added to the decoder's at full and at half resolution, and the result
    is a correction added to the input, as in Kim et al., CVPR 2016. Input and output are RGB (N, 3,
    H, W) in [0, 1], H and W multiples of 4; the output is not clipped. A new network returns its
    input.

    Args:
        widths: Channels at full, half and quarter resolution.
        blocks: Residual blocks at quarter resolution.
        context: Indices of the blocks that are scaled and shifted by the mean of their surroundings
            of 68 x 68 pixels: blur is estimated from a region, not from one pixel.
        guesses: Number of further RGB images of the same size that are read beside the input.
    """

    def __init__(
        self,
        widths: tuple[int, int, int] = (16, 24, 40),
        blocks: int = 4,
        context: tuple[int, ...] = (),
        guesses: int = 0,
    ) -> None:
        super().__init__()
        full, half, quarter = widths
        self.encode_full = nn.Conv2d(3 + 3 * guesses, full, 3, padding=1)
        self.encode_half = nn.Conv2d(full, half, 3, stride=2, padding=1)
        self.encode_quarter = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(
            *(
                ContextBlock(quarter, REACH) if index in context else ResidualBlock(quarter)
                for index in range(blocks)
            )
        )
        self.up_half = nn.Sequential(nn.Conv2d(quarter, half * 4, 1), nn.PixelShuffle(2))
        self.decode_half = nn.Conv2d(half, half, 3, padding=1)
        self.up_full = nn.Sequential(nn.Conv2d(half, full * 4, 1), nn.PixelShuffle(2))
        self.decode_full = nn.Conv2d(full, full, 3, padding=1)
        self.last = nn.Conv2d(full, 3, 3, padding=1)
        start_at_identity(self, self.last)

    def forward(self, image: Tensor, *guesses: Tensor) -> Tensor:
        """Deblur RGB (N, 3, H, W) in [0, 1]; the result has the same shape and is not clipped.

        H and W are multiples of 4. Each of `guesses`, as many as the network was built for, is an
        RGB image of that shape too.
        """
        images = torch.cat((image, *guesses), dim=1) if guesses else image
        full, half, quarter = self.encode(images)
        half = F.relu(self.decode_half(half + self.up_half(quarter)))
        full = F.relu(self.decode_full(full + self.up_full(half)))
        correction: Tensor = self.last(full)
        return image + correction

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the features at full, half and, after the residual blocks, quarter resolution.

        Args:
            images: RGB and the guesses, (N, 3 + 3 · guesses, H, W) in [0, 1].

        Returns:
            (N, widths[k], H / 2ᵏ, W / 2ᵏ) for k = 0, 1, 2, nonnegative for k = 0 and 1.
        """
        full = F.relu(self.encode_full(images))
        half = F.relu(self.encode_half(full))
        return full, half, self.blocks(F.relu(self.encode_quarter(half)))


class CoarseToFine(nn.Module):
    """Coarse-to-fine deblurring: each level also reads the enlarged result of the smaller one.

    After Nah, Kim and Lee, CVPR 2017: `levels` networks of one kind, each at half the size of the
    next. Blur that is long at full size is short at a small one. Input and output are RGB (N, 3, H,
    W) in [0, 1], H and W multiples of 4 * 2 ** (levels - 1); the output is not clipped. A new
    network returns its input.

    Args:
        levels: Number of sizes; 1 is the single-scale network.
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        coarse = [SlimDeblur(guesses=1) for _ in range(levels - 1)]
        self.networks = nn.ModuleList([*coarse, SlimDeblur()])

    def forward(self, image: Tensor) -> Tensor:
        """Deblur RGB (N, 3, H, W) in [0, 1]; the result has the same shape and is not clipped.

        H and W are multiples of 4 * 2 ** (levels - 1).
        """
        return self.forward_levels(image)[0]

    def forward_levels(self, image: Tensor) -> tuple[Tensor, ...]:
        """Deblur at every level; return the results from the largest to the smallest.

        Args:
            image: RGB (N, 3, H, W) in [0, 1], H and W multiples of 4 * 2 ** (levels - 1); smaller
                levels are its means over 2 × 2 pixels.

        Returns:
            (N, 3, H / 2ᵏ, W / 2ᵏ) for k = 0 … levels − 1, not clipped.
        """
        images = [image]
        for _ in range(len(self.networks) - 1):
            images.append(F.avg_pool2d(images[-1], 2))
        results = [self.networks[-1](images[-1])]
        for larger, network in zip(
            reversed(images[:-1]), reversed(list(self.networks)[:-1]), strict=True
        ):
            guess = F.interpolate(results[0], scale_factor=2.0, mode="nearest")
            results.insert(0, network(larger, guess))
        return tuple(results)
