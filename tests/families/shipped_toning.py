"""Networks that change tones and colours, with the structure of their papers, for a table."""

from __future__ import annotations

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from .compact import depthwise
from .super_resolution import conv


class LookUp(nn.Module):
    """Zeng et al., 2020: a mixture of three 3D tables by weights of the whole image."""

    def __init__(self, steps: int = 9) -> None:
        super().__init__()
        levels = torch.linspace(0, 1, steps)
        blue, green, red = torch.meshgrid(levels, levels, levels, indexing="ij")
        base = torch.stack([red, green, blue])[None]
        self.register_buffer("tables", cat([base, base**0.7, base**1.4]))
        self.weights = nn.Sequential(
            nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 3, 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        weights = self.weights(image).softmax(1).reshape(3, 1, 1, 1, 1)
        table = (self.tables * weights).sum(0, keepdim=True)
        grid = (image.permute(0, 2, 3, 1) * 2 - 1)[:, None]
        found = F.grid_sample(table, grid, padding_mode="border", align_corners=True)
        return found[:, :, 0]


class LearnedIsp(nn.Module):
    """Of the kind of LiteISPNet and MicroISP: from planes of a mosaic to RGB of twice the sides."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.exit = conv(4, 16), conv(16, 12)
        self.body = nn.Sequential(conv(16, 16), nn.PReLU(16), conv(16, 16))
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), conv(16, 4, 1), nn.ReLU(), conv(4, 16, 1), nn.Sigmoid()
        )

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        body = self.body(hidden)
        return F.pixel_shuffle(self.exit(hidden + body * self.gate(body)), 2).clamp(0, 1)


class SelfCalibrated(nn.Module):
    """Ma et al., 2022 (SCI): the light is estimated, and the image divided by it."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, 3), conv(3, 3)
        self.block = nn.Sequential(conv(3, 3), nn.BatchNorm2d(3), nn.ReLU())

    def forward(self, image: Tensor) -> Tensor:
        hidden = F.relu(self.entry(image))
        for _ in range(3):
            hidden = hidden + self.block(hidden)
        light = torch.clamp(torch.sigmoid(self.exit(hidden)) + image, 0.0001, 1)
        return torch.clamp(image / light, 0, 1)


class Ruas(nn.Module):
    """Liu et al., 2021: three steps that refine the light by its own maxima nearby."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            nn.Sequential(conv(3, 6), nn.ReLU(), conv(6, 3), nn.Sigmoid()) for _ in range(3)
        )

    def forward(self, image: Tensor) -> Tensor:
        result = image
        light = F.max_pool2d(image, 3, 1, 1)
        for step in self.steps:
            light = torch.clamp(light - 0.1 * (step(light) - 0.5), min=0.2)
            result = image / light
            light = 0.5 * light + 0.5 * torch.maximum(F.max_pool2d(result, 3, 1, 1), image)
        return torch.clamp(result, 0, 1)


class Iat(nn.Module):
    """Cui et al., 2022: a local branch, then a colour matrix and a gamma of the whole image."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.near = conv(3, 16), depthwise(16, 5)
        self.scale, self.shift = conv(16, 3), conv(16, 3)
        self.down = nn.Sequential(nn.Conv2d(3, 16, 3, 4, 1), nn.GELU(), nn.Conv2d(16, 16, 3, 4, 1))
        self.queries = nn.Parameter(torch.rand(1, 10, 16))
        self.key, self.head = nn.Linear(16, 16), nn.Linear(16, 1)

    def forward(self, image: Tensor) -> Tensor:
        hidden = F.gelu(self.near(self.entry(image)) + self.entry(image))
        local = image * (1 + torch.tanh(self.scale(hidden))) + 0.1 * torch.tanh(self.shift(hidden))
        tokens = self.down(image).flatten(2).transpose(1, 2)
        weights = (self.queries @ self.key(tokens).transpose(1, 2) / 4).softmax(-1)
        found = self.head(weights @ tokens).reshape(1, 10)
        matrix = torch.eye(3) + 0.1 * torch.tanh(found[:, 1:]).view(1, 3, 3)
        pixels = local.permute(0, 2, 3, 1).reshape(1, -1, 3) @ matrix.transpose(1, 2)
        toned = pixels.reshape(1, *image.shape[2:], 3).permute(0, 3, 1, 2).clamp(1e-8, 1)
        return toned ** (1 + 0.3 * torch.tanh(found[:, 0]))


class BilateralGrid(nn.Module):
    """Gharbi et al., 2017: a grid of affine colour maps, sliced by GridSample at a guide."""

    def __init__(self, depth: int = 4) -> None:
        super().__init__()
        self.depth, self.guide = depth, conv(3, 1, 1)
        self.grid = nn.Sequential(nn.Conv2d(3, 16, 8, 8), nn.ReLU(), conv(16, 12 * depth))

    def forward(self, image: Tensor) -> Tensor:
        grid = self.grid(image)
        maps = grid.reshape(1, 12, self.depth, *grid.shape[2:])
        guide = torch.tanh(self.guide(image))
        rows = torch.linspace(-1, 1, image.shape[2]).view(1, 1, -1, 1).expand_as(guide)
        columns = torch.linspace(-1, 1, image.shape[3]).view(1, 1, 1, -1).expand_as(guide)
        places = torch.stack([columns, rows, guide], -1)
        found = F.grid_sample(maps, places, padding_mode="border", align_corners=True)[:, :, 0]
        parts = [(found[:, 4 * i : 4 * i + 3] * image).sum(1, True) for i in range(3)]
        return image + cat([p + found[:, 4 * i + 3 : 4 * i + 4] for i, p in enumerate(parts)], 1)
