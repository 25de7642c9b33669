"""Small networks with the structure of super-resolution families that were made light for phones.

And of the heavy ones that they are made from.
"""

from __future__ import annotations

from torch import Tensor, cat, nn, ones, tensor
from torch.nn import functional as F

from .super_resolution import WIDTH, conv


class _Dense(nn.Module):
    """ESRGAN's dense block: every layer reads all before it, and a fifth of the sum is added."""

    def __init__(self, width: int, growth: int = 4, layers: int = 3) -> None:
        super().__init__()
        self.layers = nn.ModuleList(conv(width + i * growth, growth) for i in range(layers))
        self.last = conv(width + layers * growth, width)

    def forward(self, image: Tensor) -> Tensor:
        hidden = image
        for layer in self.layers:
            hidden = cat((hidden, F.leaky_relu(layer(hidden), 0.2)), 1)
        return self.last(hidden) * 0.2 + image


class Rrdb(nn.Module):
    """Wang et al., 2018 and 2021 (ESRGAN, Real-ESRGAN): dense blocks, enlarged by neighbours."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.body = conv(3, width), nn.Sequential(*(_Dense(width) for _ in range(3)))
        self.up, self.exit = conv(width, width), conv(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        hidden = hidden + self.body(hidden) * 0.2
        hidden = self.up(F.interpolate(hidden, scale_factor=2, mode="nearest"))
        return self.exit(F.leaky_relu(hidden, 0.2))


class SrVggCompact(nn.Module):
    """Real-ESRGAN's small network: plain layers with PReLU, the image enlarged beside them."""

    def __init__(self, width: int = WIDTH, scale: int = 4) -> None:
        super().__init__()
        middle = [part for _ in range(3) for part in (conv(width, width), nn.PReLU(width))]
        self.body = nn.Sequential(
            conv(3, width), nn.PReLU(width), *middle, conv(width, 3 * scale**2),
            nn.PixelShuffle(scale),
        )  # fmt: skip
        self.scale = scale

    def forward(self, image: Tensor) -> Tensor:
        return self.body(image) + F.interpolate(image, scale_factor=self.scale, mode="nearest")


class _MeanShift(nn.Conv2d):
    """EDSR's colours: the data set's mean taken out, and put back at the end."""

    def __init__(self, sign: int) -> None:
        super().__init__(3, 3, 1)
        self.sign = sign

    def forward(self, image: Tensor) -> Tensor:
        mean = image.new_tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)
        return image + self.sign * mean


class Edsr(nn.Module):
    """Lim et al., 2017: residual blocks without batch norm, scaled, on images of 0 to 255."""

    def __init__(self, width: int = WIDTH, blocks: int = 3) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(width, width), nn.ReLU(True), conv(width, width))
            for _ in range(blocks)
        )
        self.entry, self.after = conv(3, width), conv(width, width)
        self.less, self.more = _MeanShift(-1), _MeanShift(1)
        self.up = nn.Sequential(conv(width, 4 * width), nn.PixelShuffle(2), conv(width, 3))

    def forward(self, image: Tensor) -> Tensor:
        hidden = first = self.entry(self.less(image))
        for block in self.blocks:
            hidden = hidden + block(hidden).mul(0.1)
        return self.more(self.up(first + self.after(hidden)))


class _ChannelAttention(nn.Sequential):
    def __init__(self, width: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(1), conv(width, 4, 1), nn.ReLU(), conv(4, width, 1), nn.Sigmoid()
        )


class Rcan(nn.Module):
    """Zhang et al., 2018: residual groups of blocks that weigh their channels."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.after = conv(3, width), conv(width, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width)) for _ in range(2)
        )
        self.attention = nn.ModuleList(_ChannelAttention(width) for _ in range(2))
        self.up = nn.Sequential(conv(width, 4 * width), nn.PixelShuffle(2), conv(width, 3))

    def forward(self, image: Tensor) -> Tensor:
        hidden = first = self.entry(image)
        for block, attention in zip(self.blocks, self.attention, strict=True):
            body = block(hidden)
            hidden = hidden + body * attention(body)
        return self.up(first + self.after(hidden))


class Imdn(nn.Module):
    """Hui et al., 2019: features split off step by step, attention to their contrast."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.kept = width // 4
        rest = width - self.kept
        self.entry, self.first = conv(3, width), conv(width, width)
        self.second, self.third = conv(rest, width), conv(rest, self.kept)
        self.attention = nn.Sequential(conv(width - self.kept, 4, 1), nn.ReLU(), conv(4, 6, 1))
        self.join = conv(width - self.kept, width, 1)
        self.up = nn.Sequential(conv(width, 12), nn.PixelShuffle(2))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        one, rest = F.leaky_relu(self.first(hidden), 0.05).split([self.kept, 6], 1)
        two, rest = F.leaky_relu(self.second(rest), 0.05).split([self.kept, 6], 1)
        joined = cat([one, two, self.third(rest)], 1)
        mean = joined.mean((2, 3), keepdim=True)
        contrast = (joined - mean).pow(2).mean((2, 3), keepdim=True).pow(0.5)
        gate = self.attention(contrast + F.adaptive_avg_pool2d(joined, 1)).sigmoid()
        return self.up(hidden + self.join(joined * gate))


class _SpatialAttention(nn.Module):
    """RFDN's ESA: a strided view, pooled widely, enlarged again, as a gate."""

    def __init__(self, width: int, narrow: int = 4) -> None:
        super().__init__()
        self.first, self.skip = conv(width, narrow, 1), conv(narrow, narrow, 1)
        self.down = nn.Conv2d(narrow, narrow, 3, 2, 0)
        self.middle, self.last = conv(narrow, narrow), conv(narrow, width, 1)

    def forward(self, image: Tensor) -> Tensor:
        small = self.first(image)
        pooled = F.max_pool2d(self.down(small), 7, 3)
        pooled = F.interpolate(self.middle(pooled), small.shape[2:], mode="bilinear")
        return image * self.last(pooled + self.skip(small)).sigmoid()


class Rfdn(nn.Module):
    """Liu et al., 2020: shallow residual blocks, distilled, with spatial attention."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        half = width // 2
        self.entry, self.distil, self.refine = (
            conv(3, width),
            conv(width, half, 1),
            conv(width, width),
        )
        self.last, self.join = conv(width, half), conv(width, width, 1)
        self.attention = _SpatialAttention(width)
        self.up = nn.Sequential(conv(width, 12), nn.PixelShuffle(2))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        kept = F.leaky_relu(self.distil(hidden), 0.05)
        rest = F.leaky_relu(self.refine(hidden) + hidden, 0.05)
        joined = self.join(cat([kept, F.leaky_relu(self.last(rest), 0.05)], 1))
        return self.up(self.attention(joined) + hidden)


class Carn(nn.Module):
    """Ahn et al., 2018: cascades of grouped blocks joined by 1×1 convolutions."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry = conv(3, width)
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=4), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, groups=4), nn.ReLU(), conv(width, width, 1),
        )  # fmt: skip
        self.joins = nn.ModuleList(conv(n * width, width, 1) for n in (2, 3))
        self.up = nn.Sequential(conv(width, 9 * width), nn.ReLU(), nn.PixelShuffle(3))
        self.exit = conv(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        hidden = joined = self.entry(image)
        for join in self.joins:
            joined = cat([joined, (self.block(hidden) + hidden).relu()], 1)
            hidden = join(joined)
        return self.exit(self.up(hidden))


class Pan(nn.Module):
    """Zhao et al., 2020: pixel attention, and enlargement by neighbours with it."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.body, self.gate = conv(3, width), conv(width, width), conv(width, width, 1)
        self.up, self.over, self.exit = conv(width, width), conv(width, width, 1), conv(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        hidden = hidden + self.body(hidden) * self.gate(hidden).sigmoid()
        hidden = self.up(F.interpolate(hidden, scale_factor=2, mode="nearest"))
        hidden = F.leaky_relu(hidden * self.over(hidden).sigmoid(), 0.2)
        skip = F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
        return self.exit(hidden) + skip


class Ecbsr(nn.Module):
    """Zhang et al., 2021, before its branches are collapsed: edges by fixed filters."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.plain, self.wide = conv(3, width), conv(3, 2 * width, 1)
        self.back, self.edges = conv(2 * width, width), conv(3, width, 1)
        self.register_buffer("sobel", ones(width, 1, 3, 3) * ones(3, 1).cumsum(0) - 2)
        self.strength = nn.Parameter(0.2 * ones(width, 1, 1, 1))
        self.exit, self.act = nn.Conv2d(width, 12, 3, padding=1), nn.PReLU(width)

    def forward(self, image: Tensor) -> Tensor:
        edges = F.pad(self.edges(image), (1, 1, 1, 1))
        edges = F.conv2d(edges, self.sobel * self.strength, groups=len(self.sobel))
        hidden = self.act(self.plain(image) + self.back(self.wide(image)) + edges)
        return F.pixel_shuffle(self.exit(hidden) + cat([image] * 4, 1), 2)


class QuickSr(nn.Module):
    """Berger et al., 2023: convolutions with the identity in them, clipped as relu6."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.layers = nn.ModuleList(conv(width, width) for _ in range(3))
        self.entry, self.exit = conv(3, width), conv(width, 12)

    def forward(self, image: Tensor) -> Tensor:
        hidden = F.relu6(self.entry(image))
        for layer in self.layers:
            hidden = F.hardtanh(layer(hidden) + hidden, 0.0, 1.0)
        return F.pixel_shuffle(self.exit(hidden), 2).clamp(max=1.0).clamp(min=0.0)


class Xlsr(nn.Module):
    """Ayazoglu, 2021: groups of channels, each with layers of its own, and clipped ReLU."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.beside = conv(3, width), conv(3, width)
        self.groups = nn.ModuleList(conv(width // 4, width // 4) for _ in range(4))
        self.mix, self.exit = conv(width, width, 1), conv(2 * width, 27)

    def forward(self, image: Tensor) -> Tensor:
        parts = self.entry(image).chunk(4, 1)
        joined = cat([g(p).relu() for g, p in zip(self.groups, parts, strict=True)], 1)
        hidden = cat([self.mix(joined), self.beside(image)], 1)
        return F.pixel_shuffle(self.exit(hidden), 3).clamp(0, 1)


class LargeKernels(nn.Module):
    """Cui et al., 2024 (OKNet): depthwise kernels of many taps, each pixel over its channels' norm.

    The norm is ProGAN's; the image is padded as if it went round.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry = nn.Conv2d(3, width, 3, padding=1, padding_mode="circular")
        self.square = nn.Conv2d(width, width, 11, padding=5, groups=width)
        self.row = nn.Conv2d(width, width, (1, 31), padding=(0, 15), groups=width)
        self.exit = conv(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        hidden = F.leaky_relu(self.entry(image), 0.2)
        hidden = hidden / (hidden**2).mean(1, keepdim=True).add(1e-4).sqrt()
        return image + self.exit(F.relu(self.square(hidden) + self.row(hidden)))


class Antialiased(nn.Module):
    """Zhang, 2019, as CUT has it (Park et al., 2020): blurred before a stride, and after zeros."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.middle, self.exit = conv(3, width), conv(width, width), conv(width, 3)
        self.width = width
        for name, taps in (("down", [1, 2, 1]), ("up", [1, 3, 3, 1])):
            line = tensor(taps).float()
            kernel = line[:, None] * line / line.sum() ** 2
            self.register_buffer(name, kernel.repeat(width, 1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        hidden = F.pad(F.relu(self.entry(image)), (1, 1, 1, 1), mode="reflect")
        hidden = F.relu(self.middle(F.conv2d(hidden, self.down, stride=2, groups=self.width)))
        hidden = F.pad(hidden, (1, 1, 1, 1), mode="replicate")
        hidden = F.conv_transpose2d(hidden, 4 * self.up, stride=2, padding=2, groups=self.width)
        return image + self.exit(hidden[:, :, 1:-1, 1:-1])
