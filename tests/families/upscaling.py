"""More small networks with the structure of families that enlarge images."""

from __future__ import annotations

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from .super_resolution import WIDTH, conv


def enlarging(width: int) -> nn.Sequential:
    """A convolution and a pixel shuffle to twice the size."""
    return nn.Sequential(conv(width, 12), nn.PixelShuffle(2))


class LapSrn(nn.Module):
    """Lai et al., 2017: a pyramid with shared layers; images enlarged by transposed layers too."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.residual = conv(3, width), conv(width, 3)
        self.body = nn.Sequential(conv(width, width), nn.LeakyReLU(0.2), conv(width, width))
        self.features = nn.ConvTranspose2d(width, width, 4, 2, 1, bias=False)
        self.image = nn.ConvTranspose2d(3, 3, 4, 2, 1, groups=3, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        for _ in range(2):
            hidden = F.leaky_relu(self.features(F.leaky_relu(self.body(hidden), 0.2)), 0.2)
            image = 0.3 * self.image(image) + self.residual(hidden)
        return image


class Rlfn(nn.Module):
    """Kong et al., 2022: three layers and a skip, ESA with a stride of two and a pool of seven."""

    def __init__(self, width: int = WIDTH, narrow: int = 4) -> None:
        super().__init__()
        self.entry, self.last, self.up = conv(3, width), conv(width, width, 1), enlarging(width)
        self.layers = nn.ModuleList(conv(width, width) for _ in range(3))
        self.squeeze, self.skip = conv(width, narrow, 1), conv(narrow, narrow, 1)
        self.down, self.wide = nn.Conv2d(narrow, narrow, 3, 2, 0), conv(narrow, narrow)
        self.gate = conv(narrow, width, 1)

    def forward(self, image: Tensor) -> Tensor:
        first = hidden = self.entry(image)
        for layer in self.layers:
            hidden = F.leaky_relu(layer(hidden), 0.05)
        hidden = self.last(hidden + first)
        narrow = self.squeeze(hidden)
        small = self.wide(F.max_pool2d(self.down(narrow), 7, 3))
        large = F.interpolate(small, hidden.shape[2:], mode="bilinear", align_corners=False)
        hidden = hidden * torch.sigmoid(self.gate(large + self.skip(narrow)))
        return self.up(hidden + first)


class Span(nn.Module):
    """Wan et al., 2024: attention without parameters, by the layer's own output."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.join = conv(3, width), conv(4 * width, width, 1)
        self.layers, self.up = nn.ModuleList(conv(width, width) for _ in range(3)), enlarging(width)

    def forward(self, image: Tensor) -> Tensor:
        results = [hidden := self.entry(image)]
        for layer in self.layers:
            found = F.silu(layer(hidden))
            hidden = (found + hidden) * (torch.sigmoid(found) - 0.5)
            results.append(hidden)
        return self.up(self.join(cat(results, 1)))


class Bsrn(nn.Module):
    """Li et al., 2022: blueprint convolutions, GELU, contrast as a sum over a count of pixels."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.join = self._blueprint(12, width), conv(3 * width, width, 1)
        self.layers = nn.ModuleList(self._blueprint(width, width) for _ in range(2))
        self.gate, self.up = conv(width, width, 1), enlarging(width)
        self.strength = nn.Parameter(0.3 * torch.ones(1, width, 1, 1))

    def _blueprint(self, inputs: int, outputs: int) -> nn.Sequential:
        depth = nn.Conv2d(outputs, outputs, 3, 1, 1, groups=outputs)
        return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), depth)

    def forward(self, image: Tensor) -> Tensor:
        results = [hidden := self.entry(cat([image] * 4, 1))]
        for layer in self.layers:
            hidden = F.gelu(layer(hidden) + hidden)
            results.append(hidden)
        hidden = self.join(cat(results, 1))
        mean = hidden.mean((2, 3), keepdim=True)
        square = ((hidden - mean) ** 2).sum((2, 3), keepdim=True)
        contrast = mean + torch.sqrt(square / (hidden.size(2) * hidden.size(3)))
        return self.up(hidden * torch.sigmoid(self.gate(contrast)) * self.strength + results[0])


class ShuffleMixer(nn.Module):
    """Sun et al., 2022: half of the channels mixed, all shuffled, 7×7 depthwise, SiLU."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        half = width // 2
        self.entry, self.norm = conv(3, width), nn.LayerNorm(width)
        self.mix = nn.Sequential(conv(half, width, 1), nn.SiLU(), conv(width, half, 1))
        self.depth = nn.Conv2d(width, width, 7, 1, 3, groups=width)
        self.up = nn.Sequential(
            conv(width, 4 * width, 1), nn.PixelShuffle(2), nn.SiLU(), conv(width, 3)
        )

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        one, other = self.norm(first.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).chunk(2, 1)
        hidden = cat([self.mix(one), other], 1)
        n, c, h, w = hidden.shape
        hidden = hidden.reshape(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        skip = F.interpolate(image, scale_factor=2, mode="bilinear")
        return self.up(self.depth(hidden) + first) + skip


class VapSr(nn.Module):
    """Zhou et al., 2022: attention by large kernels, depthwise and dilated; norm over a pixel."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        wide = 2 * width
        self.entry, self.wide, self.narrow = conv(3, width), conv(width, wide, 1), conv(wide, width)
        self.near = nn.Conv2d(wide, wide, 5, 1, 2, groups=wide)
        self.far = nn.Conv2d(wide, wide, 5, 1, 6, 3, groups=wide)
        self.norm, self.up = nn.LayerNorm(width), enlarging(width)

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        hidden = F.gelu(self.wide(first))
        hidden = self.narrow(hidden * self.far(self.near(hidden))) + first
        return self.up(self.norm(hidden.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).contiguous())


class Dbpn(nn.Module):
    """Haris et al., 2018: up and down again by 6×6 layers, the error projected back."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.act, self.exit = conv(3, width), nn.PReLU(), conv(width, 3)
        self.up = nn.ModuleList(nn.ConvTranspose2d(width, width, 6, 2, 2) for _ in range(2))
        self.down = nn.Conv2d(width, width, 6, 2, 2)

    def forward(self, image: Tensor) -> Tensor:
        low = self.act(self.entry(image))
        high = self.act(self.up[0](low))
        error = self.act(self.down(high)) - low
        return self.exit(high + self.act(self.up[1](error)))


class Rdn(nn.Module):
    """Zhang et al., 2018: dense layers, fused locally and over all."""

    def __init__(self, width: int = WIDTH, growth: int = 4) -> None:
        super().__init__()
        self.entry, self.join = conv(3, width), conv(width + 3 * growth, width, 1)
        self.layers = nn.ModuleList(conv(width + growth * i, growth) for i in range(3))
        self.up = nn.Sequential(conv(width, 4 * width), nn.PixelShuffle(2), conv(width, 3))

    def forward(self, image: Tensor) -> Tensor:
        first = hidden = self.entry(image)
        for layer in self.layers:
            hidden = cat((hidden, F.relu(layer(hidden))), 1)
        return self.up(self.join(hidden) + first)


class San(nn.Module):
    """Dai et al., 2019: attention by the covariance of channels, its root by Newton and Schulz."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.up = conv(3, width), enlarging(width)
        self.gate = nn.Sequential(conv(width, 4, 1), nn.ReLU(), conv(4, width, 1), nn.Sigmoid())

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        n, c, h, w = hidden.shape
        rows = hidden.reshape(n, c, h * w)
        rows = rows - rows.mean(2, keepdim=True)
        covariance, one = rows @ rows.transpose(1, 2) / (h * w), torch.eye(c)
        trace = (covariance * one).sum((1, 2), keepdim=True)
        start = 0.5 * (3 * one - covariance / trace)
        root = (covariance / trace) @ start
        root = root @ (0.5 * (3 * one - start @ root)) * torch.sqrt(trace)
        return self.up(hidden * self.gate(root.mean(1).view(n, c, 1, 1)))


class Waifu(nn.Module):
    """waifu2x's upconv_7 (nagadomi, 2016): no padding inside, 3 pixels of the result cut off."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3), nn.LeakyReLU(0.1), nn.Conv2d(width, 2 * width, 3),
            nn.LeakyReLU(0.1), nn.ConvTranspose2d(2 * width, 3, 4, 2, 3),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        return self.body(F.pad(image, (3, 3, 3, 3), "replicate"))


class CuGan(nn.Module):
    """Real-CUGAN (bilibili, 2022): a U-net without padding, a wide pad, crops, a gate."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.entry = nn.Sequential(nn.Conv2d(3, w, 3), nn.LeakyReLU(0.1), nn.Conv2d(w, w, 3))
        self.down, self.deep = nn.Conv2d(w, w, 2, 2), nn.Conv2d(w, w, 3)
        self.gate = nn.Sequential(conv(w, 2, 1), nn.ReLU(), conv(2, w, 1), nn.Sigmoid())
        self.up, self.after = nn.ConvTranspose2d(w, w, 2, 2), nn.Conv2d(w, w, 3)
        self.exit = nn.ConvTranspose2d(w, 3, 4, 2, 3)

    def forward(self, image: Tensor) -> Tensor:
        first = F.leaky_relu(self.entry(F.pad(image, (7, 7, 7, 7), "reflect")), 0.1)
        hidden = F.leaky_relu(self.deep(F.leaky_relu(self.down(first), 0.1)), 0.1)
        hidden = hidden * self.gate(hidden.mean((2, 3), keepdim=True))
        hidden = F.leaky_relu(self.up(hidden), 0.1) + F.pad(first, (-2, -2, -2, -2))
        return self.exit(F.leaky_relu(self.after(hidden), 0.1))[:, :, 2:-2, 2:-2]
