"""Small networks with the structure of the published super-resolution families."""

from __future__ import annotations

from torch import Tensor, cat, nn, ones

WIDTH = 8


def conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


class Srcnn(nn.Sequential):
    """Dong et al., 2014: 9-1-5 on the image that bicubic made large."""

    def __init__(self, width: int = 16) -> None:
        super().__init__(
            conv(1, width, 9), nn.ReLU(), conv(width, width // 2, 1), nn.ReLU(),
            conv(width // 2, 1, 5),
        )  # fmt: skip


class Vdsr(nn.Module):
    """Kim et al., 2016: many 3×3 layers and one residual from end to end."""

    def __init__(self, layers: int = 20, width: int = WIDTH) -> None:
        super().__init__()
        middle = [part for _ in range(layers - 2) for part in (conv(width, width), nn.ReLU())]
        self.body = nn.Sequential(conv(1, width), nn.ReLU(), *middle, conv(width, 1))

    def forward(self, image: Tensor) -> Tensor:
        return image + self.body(image)


class Drcn(nn.Module):
    """Kim et al., 2016: one layer applied again and again, outputs averaged with weights."""

    def __init__(self, recursions: int = 4, width: int = WIDTH) -> None:
        super().__init__()
        self.embed = nn.Sequential(conv(1, width), nn.ReLU(), conv(width, width), nn.ReLU())
        self.recurse = conv(width, width)
        self.first, self.second = conv(width, width), conv(width + 1, 1)
        self.weights = nn.Parameter(ones(recursions) / recursions)
        self.recursions = recursions

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.embed(image)
        total = image * 0
        for step in range(self.recursions):
            hidden = self.recurse(hidden).relu()
            part = self.second(cat([self.first(hidden).relu(), image], 1))
            total = total + part * self.weights[step]
        return total


class SrDenseNet(nn.Module):
    """Tong et al., 2017: dense blocks, a bottleneck, transposed convolutions."""

    def __init__(self, blocks: int = 2, layers: int = 3, width: int = WIDTH) -> None:
        super().__init__()
        self.entry = conv(1, width)
        self.layers = nn.ModuleList(
            nn.ModuleList(conv(width * (block * layers + layer + 1), width)
                          for layer in range(layers))
            for block in range(blocks)
        )  # fmt: skip
        self.bottleneck = conv(width * (blocks * layers + 1), width, 1)
        self.enlarge = nn.Sequential(
            nn.ConvTranspose2d(width, width, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(width, width, 3, 2, 1, output_padding=1), nn.ReLU(),
        )  # fmt: skip
        self.exit = conv(width, 1)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image).relu()
        for block in self.layers:
            assert isinstance(block, nn.ModuleList)
            for layer in block:
                hidden = cat([hidden, layer(hidden).relu()], 1)
        return self.exit(self.enlarge(self.bottleneck(hidden).relu()))


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(width, width), nn.BatchNorm2d(width), nn.PReLU(),
            conv(width, width), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.body(hidden)


class SrResNet(nn.Module):
    """Ledig et al., 2017, the generator of SRGAN: batch norm, PReLU, pixel shuffle."""

    def __init__(self, blocks: int = 3, width: int = WIDTH) -> None:
        super().__init__()
        self.entry = nn.Sequential(conv(3, width, 9), nn.PReLU())
        self.body = nn.Sequential(
            *(_ResidualBlock(width) for _ in range(blocks)),
            conv(width, width),
            nn.BatchNorm2d(width),
        )
        self.enlarge = nn.Sequential(
            conv(width, 4 * width), nn.PixelShuffle(2), nn.PReLU(),
            conv(width, 4 * width), nn.PixelShuffle(2), nn.PReLU(), conv(width, 3, 9),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        return (self.enlarge(hidden + self.body(hidden)).tanh() + 1) / 2


class Espcn(nn.Sequential):
    """Shi et al., 2016: tanh, pixel shuffle, sigmoid."""

    def __init__(self, width: int = 16) -> None:
        super().__init__(
            conv(1, width, 5), nn.Tanh(), conv(width, width // 2), nn.Tanh(), conv(width // 2, 9),
            nn.PixelShuffle(3), nn.Sigmoid(),
        )  # fmt: skip


class Abpn(nn.Module):
    """Du et al., 2021: the image repeated as an anchor, clipped, shuffled."""

    def __init__(self, scale: int = 3, width: int = 12) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(3, width), nn.ReLU(), conv(width, width), nn.ReLU(),
            conv(width, 3 * scale**2), nn.ReLU(), conv(3 * scale**2, 3 * scale**2),
        )  # fmt: skip
        self.scale = scale
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, image: Tensor) -> Tensor:
        anchor = image.repeat_interleave(self.scale**2, dim=1)
        return self.shuffle((self.body(image) + anchor).clamp(0, 1))


class AbpnByConcat(Abpn):
    """The same with the anchor as a concatenation, as its authors wrote it in Keras."""

    def forward(self, image: Tensor) -> Tensor:
        anchor = cat([image] * self.scale**2, 1)
        return self.shuffle((self.body(image) + anchor).clamp(0, 1))


class AbpnByRepeat(Abpn):
    """The same with the anchor as one repeat of the whole image."""

    def forward(self, image: Tensor) -> Tensor:
        anchor = image.repeat(1, self.scale**2, 1, 1)
        return self.shuffle((self.body(image) + anchor).clamp(0, 1))


class Sesr(nn.Module):
    """Bhardwaj et al., 2022, collapsed: 5×5, 3×3 with PReLU, two long residuals."""

    def __init__(self, layers: int = 3) -> None:
        super().__init__()
        self.entry = nn.Sequential(conv(1, 16, 5), nn.PReLU(16))
        self.body = nn.Sequential(
            *(part for _ in range(layers) for part in (conv(16, 16), nn.PReLU(16)))
        )
        self.exit = conv(16, 4, 5)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        return self.shuffle(self.exit(hidden + self.body(hidden)) + image)
