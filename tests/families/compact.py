"""Compact networks of the kinds that people ship today, which benchmarks train.

Each has the structure of its paper with few blocks and channels, and enlarges four times.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from .restoration import ChannelNorm
from .super_resolution import conv


def depthwise(width: int, kernel: int | tuple[int, int], dilation: int = 1) -> nn.Conv2d:
    """Return a convolution of each channel by itself that keeps the size."""
    height, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (height // 2 * dilation, wide // 2 * dilation)
    return nn.Conv2d(width, width, (height, wide), 1, padding, dilation, groups=width)


def shuffled(width: int, scale: int = 4) -> nn.Sequential:
    """Return a convolution and a pixel shuffle."""
    return nn.Sequential(conv(width, 3 * scale**2), nn.PixelShuffle(scale))


class Trunk(nn.Module):
    """A first convolution, blocks with a skip around all of them, a pixel shuffle."""

    def __init__(self, block: Callable[[int], nn.Module], width: int, blocks: int = 4) -> None:
        super().__init__()
        self.entry, self.up = conv(3, width), shuffled(width)
        self.blocks = nn.Sequential(*(block(width) for _ in range(blocks)))

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        return self.up(self.blocks(first) + first)


class Residual(nn.Module):
    """x + layers(norm(x)), for each of some layers."""

    def __init__(self, width: int, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(ChannelNorm(width) for _ in layers)

    def forward(self, hidden: Tensor) -> Tensor:
        for norm, layer in zip(self.norms, self.layers, strict=True):
            hidden = hidden + layer(norm(hidden))
        return hidden


class SafmnMixer(nn.Module):
    """Sun et al., 2023: quarters of the channels at four sizes, joined, modulate the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.quarters = nn.ModuleList(depthwise(width // 4, 3) for _ in range(4))
        self.join = conv(width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        found = []
        for level, (part, layer) in enumerate(zip(hidden.chunk(4, 1), self.quarters, strict=True)):
            if level == 0:
                found.append(layer(part))
                continue
            small = layer(F.max_pool2d(part, 2**level))
            found.append(F.interpolate(small, scale_factor=2**level, mode="nearest"))
        return F.gelu(self.join(cat(found, 1))) * hidden


def safmn_block(width: int) -> nn.Module:
    """Return a block of SAFMN: modulation, then a convolution that mixes channels."""
    mix = nn.Sequential(conv(width, 2 * width), nn.GELU(), conv(2 * width, width, 1))
    return Residual(width, SafmnMixer(width), mix)


class SmfaMixer(nn.Module):
    """Zheng et al., 2024: a pooled branch with the variance of the image, and a local one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.split, self.small = conv(width, 2 * width, 1), depthwise(width, 3)
        self.gate, self.out = conv(width, width, 1), conv(width, width, 1)
        self.local = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, padding=1, groups=width),
            conv(2 * width, 2 * width, 1), nn.GELU(), conv(2 * width, width, 1),
        )  # fmt: skip
        self.pooled = nn.Parameter(torch.ones(1, width, 1, 1))
        self.spread = nn.Parameter(torch.zeros(1, width, 1, 1))

    def forward(self, hidden: Tensor) -> Tensor:
        near, far = self.split(hidden).chunk(2, 1)
        mean = far.mean((2, 3), keepdim=True)
        variance = (far - mean).pow(2).mean((2, 3), keepdim=True)
        small = self.small(F.max_pool2d(far, 8)) * self.pooled + variance * self.spread
        gate = F.interpolate(F.gelu(self.gate(small)), scale_factor=8, mode="nearest")
        return self.out(far * gate + self.local(near))


class PartialMixer(nn.Module):
    """SMFANet's second half: a quarter of the wide channels sees its neighbours."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.few = width // 2
        self.wide, self.narrow = conv(width, 2 * width, 1), conv(2 * width, width, 1)
        self.part = conv(self.few, self.few)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = F.gelu(self.wide(hidden))
        one, rest = hidden[:, : self.few], hidden[:, self.few :]
        return self.narrow(cat([F.gelu(self.part(one)), rest], 1))


def smfa_block(width: int) -> nn.Module:
    """Return a block of SMFANet."""
    return Residual(width, SmfaMixer(width), PartialMixer(width))


class LowRankExperts(nn.Module):
    """Zamfir et al., 2024 (SeemoRe): experts of few channels, weighed by a router."""

    def __init__(self, width: int, ranks: tuple[int, ...] = (2, 4, 8)) -> None:
        super().__init__()
        self.ranks = ranks
        self.wide, self.narrow = conv(width, 2 * width, 1), conv(width, width, 1)
        self.stripe = nn.Sequential(depthwise(width, (1, 11)), depthwise(width, (11, 1)))
        self.router = conv(width, len(ranks), 1)
        self.down = nn.ModuleList(conv(width, rank, 1) for rank in ranks)
        self.key = nn.ModuleList(conv(width, rank, 1) for rank in ranks)
        self.up = nn.ModuleList(conv(rank, width, 1) for rank in ranks)

    def forward(self, hidden: Tensor) -> Tensor:
        value, key = self.wide(hidden).chunk(2, 1)
        value = F.gelu(self.stripe(value))
        weights = torch.softmax(self.router(value.mean((2, 3), keepdim=True)), 1)
        for index in range(len(self.ranks)):
            product = self.down[index](value) * self.key[index](key)
            value = value + self.up[index](product) * weights[:, index : index + 1]
        return self.narrow(value)


class SpatialGate(nn.Module):
    """SeemoRe's second half: 1×1 layers around a product with what neighbours say."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide, self.near = conv(width, 2 * width, 1), depthwise(width, 3)
        self.narrow = conv(width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        one, other = F.gelu(self.wide(hidden)).chunk(2, 1)
        return self.narrow(one * self.near(other))


def seemore_block(width: int) -> nn.Module:
    """Return a block of SeemoRe."""
    return Residual(width, LowRankExperts(width), SpatialGate(width))


class SpatialAttention(nn.Module):
    """RLFN's and RFDN's ESA: seen with a stride, pooled, enlarged again, as a gate."""

    def __init__(self, width: int, narrow: int = 8) -> None:
        super().__init__()
        self.squeeze, self.skip = conv(width, narrow, 1), conv(narrow, narrow, 1)
        self.down, self.middle = nn.Conv2d(narrow, narrow, 3, 2, 0), conv(narrow, narrow)
        self.gate = conv(narrow, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        narrow = self.squeeze(hidden)
        small = self.middle(F.max_pool2d(self.down(narrow), 7, 3))
        large = F.interpolate(small, hidden.shape[2:], mode="bilinear", align_corners=False)
        return hidden * torch.sigmoid(self.gate(large + self.skip(narrow)))


class RlfnBlock(nn.Module):
    """Kong et al., 2022: three layers, a skip, a 1×1 layer, ESA."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(conv(width, width) for _ in range(3))
        self.last, self.attention = conv(width, width, 1), SpatialAttention(width)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = hidden
        for layer in self.layers:
            inner = F.leaky_relu(layer(inner), 0.05)
        return self.attention(self.last(inner + hidden))


class VapBlock(nn.Module):
    """Zhou et al., 2022 (VapSR): attention by large depthwise kernels, norm of each pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        wide = width + width // 2
        self.wide, self.narrow = conv(width, wide, 1), conv(wide, width, 1)
        self.point, self.norm = conv(wide, wide, 1), ChannelNorm(width)
        self.near, self.far = depthwise(wide, 5), depthwise(wide, 5, 3)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = F.gelu(self.wide(hidden))
        inner = inner * self.far(self.near(self.point(inner)))
        return self.norm(self.narrow(inner) + hidden)


class SpanBlock(nn.Module):
    """Wan et al., 2024: three layers; what they find is its own attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(conv(width, width) for _ in range(3))

    def forward(self, hidden: Tensor) -> Tensor:
        one, two, three = self.layers
        found = three(F.silu(two(F.silu(one(hidden)))))
        return (found + hidden) * (torch.sigmoid(found) - 0.5)


class Joined(nn.Module):
    """Blocks whose results are joined before the pixel shuffle, as in SPAN and fused plain nets."""

    def __init__(self, block: Callable[[int], nn.Module], width: int, blocks: int = 4) -> None:
        super().__init__()
        self.entry, self.up = conv(3, width), shuffled(width)
        self.blocks = nn.ModuleList(block(width) for _ in range(blocks))
        self.join = conv((blocks + 1) * width, width, 1)

    def forward(self, image: Tensor) -> Tensor:
        results = [self.entry(image)]
        for block in self.blocks:
            results.append(block(results[-1]))
        return self.up(self.join(cat(results, 1)))


def plain_block(width: int) -> nn.Module:
    """Return a layer with a ReLU."""
    return nn.Sequential(conv(width, width), nn.ReLU())


class HighFrequencyBlock(nn.Module):
    """The kind of HFENet: what a pooled copy lacks is enhanced apart, joined, and gated."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.layers = nn.ModuleList(conv(width, width) for _ in range(2))
        self.high, self.distil = conv(width, half), conv(width, half, 1)
        self.join = conv(2 * width, width, 1)
        self.squeeze, self.gate = conv(width, 8, 1), conv(8, width)

    def forward(self, hidden: Tensor) -> Tensor:
        smooth = F.interpolate(F.avg_pool2d(hidden, 2), scale_factor=2, mode="nearest")
        inner = F.leaky_relu(self.layers[0](hidden), 0.05)
        inner = F.leaky_relu(self.layers[1](inner) + hidden, 0.05)
        high = F.leaky_relu(self.high(hidden - smooth), 0.05)
        found = self.join(cat([high, self.distil(hidden), inner], 1))
        return found * torch.sigmoid(self.gate(F.relu(self.squeeze(found)))) + hidden


class AsymmetricAttention(nn.Module):
    """The kind of AMCANet: rows and columns of several lengths weigh the input, then channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.near, self.mix = depthwise(width, 3), conv(width, width, 1)
        self.lines = nn.ModuleList(
            nn.Sequential(depthwise(width, (1, length)), depthwise(width, (length, 1)))
            for length in (7, 11)
        )
        self.channels = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), conv(width, 8, 1), nn.ReLU(), conv(8, width, 1), nn.Sigmoid()
        )
        self.layers = nn.Sequential(conv(width, width), nn.GELU(), conv(width, width))

    def forward(self, hidden: Tensor) -> Tensor:
        inner = self.layers(hidden)
        near = self.near(inner)
        found = inner * self.mix(near + self.lines[0](near) + self.lines[1](near))
        gate: Tensor = self.channels(found)
        return hidden + found * gate


class DistilledBlock(nn.Module):
    """Wang, 2022 (EFDN): half of each layer's input is kept by a 1×1 layer, all joined, then ESA.

    The layers stand as they are after training, when their branches are one 3×3 layer.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.layers = nn.ModuleList(conv(width, width) for _ in range(3))
        self.kept = nn.ModuleList(conv(width, half, 1) for _ in range(3))
        self.last, self.join = conv(width, half), conv(4 * half, width, 1)
        self.attention = SpatialAttention(width)

    def forward(self, hidden: Tensor) -> Tensor:
        found = []
        for layer, keep in zip(self.layers, self.kept, strict=True):
            found.append(F.gelu(keep(hidden)))
            hidden = F.gelu(layer(hidden) + hidden)
        return self.attention(self.join(cat([*found, F.gelu(self.last(hidden))], 1)))


class LargeKernelBlock(nn.Module):
    """Lee et al., 2024 (PLKSR): a quarter of the channels through 17×17, then a gate of pixels."""

    def __init__(self, width: int, kernel: int = 17) -> None:
        super().__init__()
        self.few = width // 4
        self.mix = nn.Sequential(conv(width, 2 * width), nn.GELU(), conv(2 * width, width))
        self.large = conv(self.few, self.few, kernel)
        self.gate, self.refine = conv(width, width), conv(width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = self.mix(hidden)
        inner = cat([self.large(inner[:, : self.few]), inner[:, self.few :]], 1)
        return self.refine(inner * torch.sigmoid(self.gate(inner))) + hidden


class StarBlock(nn.Module):
    """Ma et al., 2024 (StarNet): the product of two 1×1 layers, one of them after a ReLU6."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.near, self.far = depthwise(width, 7), depthwise(width, 7)
        self.norm, self.other = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.gate, self.value = conv(width, 3 * width, 1), conv(width, 3 * width, 1)
        self.narrow = conv(3 * width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = self.norm(self.near(hidden))
        product = F.relu6(self.gate(inner)) * self.value(inner)
        return hidden + self.far(self.other(self.narrow(product)))
