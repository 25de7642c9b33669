"""Small networks with the structure of families that denoise, derain or deblur."""

from __future__ import annotations

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from .super_resolution import WIDTH, conv


class FfdNet(nn.Module):
    """Zhang et al., 2018: half the size four times over, with a map of the noise beside it."""

    def __init__(self, width: int = WIDTH, sigma: float = 25 / 255) -> None:
        super().__init__()
        self.sigma = sigma
        self.body = nn.Sequential(
            conv(13, width), nn.ReLU(), conv(width, width), nn.BatchNorm2d(width), nn.ReLU(),
            conv(width, 12),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        small = F.pixel_unshuffle(image, 2)
        noise = torch.full_like(small[:, :1], self.sigma)
        return F.pixel_shuffle(self.body(cat((small, noise), 1)), 2)


class HiNet(nn.Module):
    """Chen et al., 2021: instance norm on half of the channels, a second stage supervised."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.second = conv(3, width), conv(width, width)
        self.norm = nn.InstanceNorm2d(width // 2, affine=True)
        self.gate, self.back, self.image = conv(3, width, 1), conv(width, width, 1), conv(width, 3)
        self.exit = conv(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        one, other = torch.chunk(hidden, 2, dim=1)
        hidden = F.leaky_relu(self.second(cat([self.norm(one), other], 1)), 0.2)
        restored = self.image(hidden) + image
        gated = self.back(hidden) * torch.sigmoid(self.gate(restored)) + hidden
        return self.exit(gated) + restored


class MprNet(nn.Module):
    """Zamir et al., 2021: the image in four patches first, joined, then whole."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.act = conv(3, width), nn.PReLU()
        self.body, self.again = conv(width, width), conv(3, width)
        self.join, self.exit = conv(2 * width, width), conv(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        half = image.size(2) // 2
        top, bottom = image[:, :, :half, :], image[:, :, half:, :]
        parts = [self.act(self.body(self.act(self.entry(part)))) for part in (top, bottom)]
        whole = cat(parts, 2)
        return self.exit(self.act(self.join(cat([whole, self.again(image)], 1)))) + image


class FastDvd(nn.Module):
    """Tassano et al., 2020, one frame: grouped entry, U-net of pixel shuffles, noise taken off."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.entry = nn.Sequential(
            nn.Conv2d(12, 3 * w, 3, padding=1, groups=3, bias=False), nn.BatchNorm2d(3 * w),
            nn.ReLU6(), nn.Conv2d(3 * w, w, 3, padding=1, bias=False), nn.ReLU6(),
        )  # fmt: skip
        self.down = nn.Sequential(nn.Conv2d(w, 2 * w, 3, 2, 1), nn.ReLU6(), conv(2 * w, 4 * w))
        self.exit, self.up = conv(w, 3), nn.PixelShuffle(2)

    def forward(self, image: Tensor) -> Tensor:
        noise = image[:, :1] * 0 + 0.1
        first = self.entry(cat([image, noise] * 3, 1))
        return image - self.exit(self.up(self.down(first)) + first)


class MobileOne(nn.Module):
    """Vasu et al., 2023, while it is trained: branches of depthwise and pointwise layers."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.entry, self.exit = conv(3, w), conv(w, 3)
        self.depth = nn.ModuleList(
            nn.Sequential(nn.Conv2d(w, w, k, 1, k // 2, groups=w, bias=False), nn.BatchNorm2d(w))
            for k in (3, 3, 1)
        )
        self.point = nn.ModuleList(
            nn.Sequential(nn.Conv2d(w, w, 1, bias=False), nn.BatchNorm2d(w)) for _ in range(2)
        )
        self.skip = nn.ModuleList(nn.BatchNorm2d(w) for _ in range(2))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image).relu()
        for branches, skip in zip((self.depth, self.point), self.skip, strict=True):
            hidden = F.relu(sum(branch(hidden) for branch in branches) + skip(hidden))
        return image + self.exit(hidden)


class _WindowAttention(nn.Module):
    """Swin's attention in windows, as its authors wrote it, with a bias per place."""

    def __init__(self, width: int, window: int = 4, heads: int = 2) -> None:
        super().__init__()
        self.window, self.heads = window, heads
        self.norm, self.qkv = nn.LayerNorm(width), nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        places = window * window
        self.bias = nn.Parameter(torch.linspace(-1, 1, places).expand(heads, places, places))

    def forward(self, image: Tensor) -> Tensor:
        b, c, h, w = image.shape
        n = self.window
        rows = self.norm(image.permute(0, 2, 3, 1))
        rows = rows.view(b, h // n, n, w // n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, n * n, c)
        qkv = self.qkv(rows).reshape(-1, n * n, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        scores = (q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1) + self.bias.unsqueeze(0)
        rows = self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, n * n, c))
        rows = rows.view(b, h // n, w // n, n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        return image + rows.permute(0, 3, 1, 2)


class SwinIr(nn.Module):
    """Liang et al., 2021: attention in windows, shifted by a roll, an MLP, pixel shuffle."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.after = conv(3, width), conv(width, width)
        self.first, self.second = _WindowAttention(width), _WindowAttention(width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.up = nn.Sequential(conv(width, 12), nn.PixelShuffle(2))

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        hidden = torch.roll(self.first(first), (-2, -2), (2, 3))
        hidden = torch.roll(self.second(hidden), (2, 2), (2, 3))
        hidden = hidden + self.mlp(hidden.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.up(first + self.after(hidden))


class ScuNet(nn.Module):
    """Zhang et al., 2023: half of the channels attend in windows, half are convolved."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.entry, self.split = conv(3, w), conv(w, w, 1)
        self.attend = _WindowAttention(w // 2)
        self.body = nn.Sequential(conv(w // 2, w // 2), nn.ReLU(), conv(w // 2, w // 2))
        self.down, self.up = nn.Conv2d(w, w, 2, 2), nn.ConvTranspose2d(w, w, 2, 2)
        self.exit = conv(w, 3)

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        local, wide = torch.split(self.split(self.down(first)), (4, 4), dim=1)
        joined = cat((local + self.body(local), self.attend(wide)), 1)
        return self.exit(self.up(joined) + first)


class ConvNeXt(nn.Module):
    """Liu et al., 2022: 7×7 depthwise, channels last for norm and linear layers, a scale."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, width), conv(width, 3)
        self.depth = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm, self.wide = nn.LayerNorm(width, 1e-6), nn.Linear(width, 4 * width)
        self.back, self.gamma = nn.Linear(4 * width, width), nn.Parameter(0.5 * torch.ones(width))

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        hidden = self.norm(self.depth(first).permute(0, 2, 3, 1))
        hidden = self.gamma * self.back(F.gelu(self.wide(hidden)))
        return image + self.exit(first + hidden.permute(0, 3, 1, 2))


class ConvLstm(nn.Module):
    """A convolutional LSTM that looks at one image twice, from an empty state."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.head, self.gates, self.tail = (
            conv(3, width),
            conv(2 * width, 4 * width),
            conv(width, 3),
        )

    def forward(self, image: Tensor) -> Tensor:
        seen = self.head(image)
        hidden = cell = torch.zeros_like(seen)
        for _ in range(2):
            gates = self.gates(cat([seen, hidden], 1)).chunk(4, 1)
            taken, forgotten, shown = (torch.sigmoid(gate) for gate in gates[:3])
            cell = forgotten * cell + taken * torch.tanh(gates[3])
            hidden = shown * torch.tanh(cell)
        return image + self.tail(hidden)
