"""Small networks with the structure of families that attend to pixels, windows or channels."""

from __future__ import annotations

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from .super_resolution import WIDTH, conv

WINDOW = 4


def parted(image: Tensor) -> Tensor:
    """Return the windows (count, places, C) of an image (N, H, W, C)."""
    n, h, w, c = image.shape
    rows = image.view(n, h // WINDOW, WINDOW, w // WINDOW, WINDOW, c)
    return rows.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, WINDOW * WINDOW, c)


def joined(windows: Tensor, h: int, w: int) -> Tensor:
    """Return the image that windows are parts of."""
    rows = windows.view(1, h // WINDOW, w // WINDOW, WINDOW, WINDOW, windows.shape[-1])
    return rows.permute(0, 1, 3, 2, 4, 5).contiguous().view(1, h, w, windows.shape[-1])


class _Shifted(nn.Module):
    """Swin's block: windows that may be shifted, a mask of −100 where they join, a bias table."""

    def __init__(self, width: int, shift: int, heads: int = 2) -> None:
        super().__init__()
        self.shift, self.heads = shift, heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.table = nn.Parameter(0.1 * torch.linspace(-1, 1, (2 * WINDOW - 1) ** 2 * heads))
        grid = torch.stack(
            torch.meshgrid(torch.arange(WINDOW), torch.arange(WINDOW), indexing="ij")
        ).flatten(1)
        apart = grid[:, :, None] - grid[:, None] + WINDOW - 1
        self.register_buffer("places", apart[0] * (2 * WINDOW - 1) + apart[1])

    def mask(self, h: int, w: int) -> Tensor:
        regions = torch.zeros(1, h, w, 1)
        sides = (slice(0, -WINDOW), slice(-WINDOW, -self.shift), slice(-self.shift, None))
        for index, (rows, columns) in enumerate((a, b) for a in sides for b in sides):
            regions[:, rows, columns, :] = index
        flat = parted(regions).squeeze(-1)
        apart = flat.unsqueeze(1) - flat.unsqueeze(2)
        return apart.masked_fill(apart != 0, -100.0).masked_fill(apart == 0, 0.0)

    def attend(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        count, places, c = windows.shape
        qkv = self.qkv(windows).reshape(count, places, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        bias = self.table.view(-1, self.heads)[self.places.view(-1)].view(places, places, -1)
        scores = (q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1)
        scores = scores + bias.permute(2, 0, 1).contiguous().unsqueeze(0)
        if mask is not None:
            scores = scores.view(-1, mask.shape[0], self.heads, places, places)
            scores = (scores + mask.unsqueeze(1).unsqueeze(0)).view(-1, self.heads, places, places)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(count, places, c))

    def forward(self, rows: Tensor, h: int, w: int) -> Tensor:
        image = self.first(rows).view(1, h, w, -1)
        if self.shift:
            image = torch.roll(image, (-self.shift, -self.shift), (1, 2))
        image = joined(self.attend(parted(image), self.mask(h, w) if self.shift else None), h, w)
        if self.shift:
            image = torch.roll(image, (self.shift, self.shift), (1, 2))
        rows = rows + image.view(1, h * w, -1)
        return rows + self.mlp(self.second(rows))


class SwinMasked(nn.Module):
    """Liang et al., 2021 (SwinIR) as its authors wrote it: rows of pixels, masks, a mean colour."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.after, self.norm = conv(3, width), conv(width, width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList([_Shifted(width, WINDOW // 2)])
        self.up = nn.Sequential(conv(width, 12), nn.PixelShuffle(2))
        self.register_buffer("mean", torch.tensor([0.45, 0.44, 0.40]).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image - self.mean)
        h, w = first.shape[2:]
        rows = first.flatten(2).transpose(1, 2)
        for block in self.blocks:
            rows = block(rows, h, w)
        hidden = self.norm(rows).transpose(1, 2).view(1, -1, h, w)
        return self.up(self.after(hidden) + first) + self.mean


class NonLocal(nn.Module):
    """Wang et al., 2018, as NLRN has it: every pixel attends to a pooled image."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.exit, self.out = conv(3, width), conv(width, 3), conv(4, width, 1)
        self.queries, self.keys, self.values = (conv(width, 4, 1) for _ in range(3))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        n, _, h, w = hidden.shape
        q = self.queries(hidden).view(n, 4, -1).permute(0, 2, 1)
        k = F.max_pool2d(self.keys(hidden), 2).flatten(2)
        v = F.max_pool2d(self.values(hidden), 2).flatten(2).permute(0, 2, 1)
        found = (torch.softmax(q @ k, -1) @ v).permute(0, 2, 1).contiguous().view(n, 4, h, w)
        return self.exit(hidden + self.out(found)) + image


class Overlapping(nn.Module):
    """Chen et al., 2023 (HAT): windows attend to larger ones, unfolded around them."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.exit, self.keys = conv(3, width), conv(width, 3), conv(width, 2 * width, 1)
        self.queries, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.unfold = nn.Unfold(WINDOW + 2, stride=WINDOW, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        n, c, h, w = hidden.shape
        q = parted(self.queries(hidden.permute(0, 2, 3, 1)))
        around = self.unfold(self.keys(hidden))
        around = around.view(n, 2, c, (WINDOW + 2) ** 2, around.shape[-1]).permute(1, 0, 4, 3, 2)
        k, v = around.reshape(2, -1, (WINDOW + 2) ** 2, c)
        found = joined((q @ k.transpose(-2, -1) * 0.3).softmax(-1) @ v, h, w)
        return image + self.exit(hidden + self.out(found).permute(0, 3, 1, 2))


class Linear(nn.Module):
    """Shen et al., 2021: keys softened over pixels, queries over channels, their product first."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, width), conv(width, 3)
        self.queries, self.keys, self.values = (conv(width, width, 1) for _ in range(3))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        n, c, h, w = hidden.shape
        k = F.softmax(self.keys(hidden).reshape(n, c, -1), 2)
        q = F.softmax(self.queries(hidden).reshape(n, c, -1), 1)
        context = k @ self.values(hidden).reshape(n, c, -1).transpose(1, 2)
        return self.exit((context.transpose(1, 2) @ q).reshape(n, c, h, w) + hidden)


class EdgeNeXt(nn.Module):
    """Maaz et al., 2022: parts convolved one after the other, attention over channels."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        wide = 2 * width
        self.entry, self.norm = nn.Conv2d(3, wide, 2, 2), nn.LayerNorm(wide)
        self.parts = nn.ModuleList(nn.Conv2d(4, 4, 3, 1, 1, groups=4) for _ in range(3))
        self.qkv, self.out = nn.Linear(wide, 3 * wide), nn.Linear(wide, wide)
        self.heat = nn.Parameter(torch.ones(2, 1, 1))
        self.up = nn.Sequential(conv(wide, 12, 1), nn.PixelShuffle(2))

    def forward(self, image: Tensor) -> Tensor:
        *parts, rest = torch.split(self.entry(image), 4, 1)
        found: list[Tensor] = []
        for layer, part in zip(self.parts, parts, strict=True):
            found.append(layer(part + found[-1] if found else part))
        hidden = cat([*found, rest], 1)
        n, c, h, w = hidden.shape
        rows = hidden.reshape(n, c, h * w).permute(0, 2, 1)
        qkv = self.qkv(self.norm(rows)).reshape(n, h * w, 3, 2, c // 2).permute(2, 0, 3, 4, 1)
        q, k, v = F.normalize(qkv[0], dim=-1), F.normalize(qkv[1], dim=-1), qkv[2]
        weights = (q @ k.transpose(-2, -1) * self.heat).softmax(-1)
        rows = rows + self.out((weights @ v).permute(0, 3, 1, 2).reshape(n, h * w, c))
        return self.up(rows.permute(0, 2, 1).reshape(n, c, h, w)) + image


class Uformer(nn.Module):
    """Wang et al., 2022: the locally enhanced layer: rows to an image and back in the middle."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        wide = 2 * width
        self.entry, self.exit, self.norm = conv(3, width), conv(width, 3), nn.LayerNorm(width)
        self.first, self.second = nn.Linear(width, wide), nn.Linear(wide, width)
        self.depth = nn.Conv2d(wide, wide, 3, 1, 1, groups=wide)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        n, c, h, w = hidden.shape
        rows = hidden.flatten(2).transpose(1, 2).contiguous()
        found = F.gelu(self.first(self.norm(rows))).transpose(1, 2).reshape(n, -1, h, w)
        rows = rows + self.second(F.gelu(self.depth(found)).flatten(2).transpose(1, 2))
        return image + self.exit(rows.transpose(1, 2).view(n, c, h, w))


class Coordinates(nn.Module):
    """Hou et al., 2021: means of rows and of columns, joined, parted, and gates for both."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.exit, self.norm = conv(3, width), conv(width, 3), nn.BatchNorm2d(4)
        self.squeeze, self.rows, self.columns = (
            conv(width, 4, 1),
            conv(4, width, 1),
            conv(4, width, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        h, w = hidden.shape[2:]
        down, across = (
            hidden.mean(3, keepdim=True),
            hidden.mean(2, keepdim=True).permute(0, 1, 3, 2),
        )
        both = F.hardswish(self.norm(self.squeeze(cat([down, across], 2))))
        down, across = torch.split(both, [h, w], 2)
        hidden = hidden * self.rows(down).sigmoid()
        return self.exit(hidden * self.columns(across.permute(0, 1, 3, 2)).sigmoid()) + image


class Elan(nn.Module):
    """Zhang et al., 2022: shifted channels, windows of queries that are keys too, seven axes."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.up = conv(3, width), nn.Sequential(conv(width, 12), nn.PixelShuffle(2))
        self.parts, self.out = conv(width, 2 * width, 1), conv(width, width, 1)

    def shifted(self, hidden: Tensor) -> Tensor:
        (h, w), step = hidden.shape[2:], hidden.shape[1] // 4
        wide, a, b = F.pad(hidden, (1, 1, 1, 1)), step, 2 * step
        moved = [wide[:, :a, 1:-1, 2:], wide[:, a:b, 1:-1, :w], wide[:, b : b + a, 2:, 1:-1]]
        return cat([*moved, wide[:, b + a :, :h, 1:-1]], 1)

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        n, c, h, w = first.shape
        size = (h // WINDOW, WINDOW, w // WINDOW, WINDOW)
        parts = self.parts(self.shifted(first)).view(n, 2, c, *size).permute(1, 0, 3, 5, 4, 6, 2)
        q, v = parts.reshape(2, -1, WINDOW * WINDOW, c)
        found = ((q @ q.transpose(-2, -1) * 0.1).softmax(-1) @ v).view(
            n, *size[::2], *size[1::2], c
        )
        return self.up(self.out(found.permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)) + first)
