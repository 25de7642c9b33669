"""Networks that denoise, deblur or enlarge, with the structure of their papers, for a table."""

from __future__ import annotations

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from .compact import depthwise
from .restoration import ChannelNorm
from .super_resolution import conv

WIDTH = 16


class Etds(nn.Module):
    """Chao et al., 2023: plain layers whose channels carry the image along."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(part for i in (3, 16, 16, 16) for part in (conv(i, 16), nn.ReLU())), conv(16, 12)
        )

    def forward(self, image: Tensor) -> Tensor:
        return F.pixel_shuffle(F.relu(self.layers(image)), 2)


class Edsr(nn.Module):
    """Lim et al., 2017: residual blocks of a tenth, without norms; the mean is in the biases."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.last, self.exit = conv(3, WIDTH), conv(WIDTH, WIDTH), conv(WIDTH, 12)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(WIDTH, WIDTH), nn.ReLU(), conv(WIDTH, WIDTH)) for _ in range(4)
        )

    def forward(self, image: Tensor) -> Tensor:
        entry = hidden = self.entry(image)
        for block in self.blocks:
            hidden = hidden + 0.1 * block(hidden)
        return F.pixel_shuffle(self.exit(self.last(hidden) + entry), 2)


class PartialLargeKernel(nn.Module):
    """Lee et al., 2024 (PLKSR): a 17x17 convolution of some channels, a gate, a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(conv(width, 2 * width), nn.GELU(), conv(2 * width, width))
        self.large, self.gate = conv(8, 8, 17), nn.Sequential(conv(width, width), nn.Sigmoid())
        self.out = conv(width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        mixed = self.mix(hidden)
        mixed = cat([self.large(mixed[:, :8]), mixed[:, 8:]], 1)
        return self.out(mixed * self.gate(mixed)) + hidden


class LiteDenoise(nn.Module):
    """Of the kind of LiteDenoiseNet: half the size by unshuffling, few layers, a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.down = conv(12, WIDTH), nn.Conv2d(WIDTH, 2 * WIDTH, 2, 2)
        self.low = nn.Sequential(conv(2 * WIDTH, 2 * WIDTH), nn.ReLU(), conv(2 * WIDTH, 4 * WIDTH))
        self.tail = conv(WIDTH, 12)

    def forward(self, image: Tensor) -> Tensor:
        head = F.relu(self.head(F.pixel_unshuffle(image, 2)))
        low = F.pixel_shuffle(self.low(F.relu(self.down(head))), 2)
        return image - F.pixel_shuffle(self.tail(F.relu(low + head)), 2)


class FfdNet(nn.Module):
    """Zhang et al., 2018: half the size, beside a map of the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(13, WIDTH), nn.ReLU(), conv(WIDTH, WIDTH), nn.BatchNorm2d(WIDTH), nn.ReLU(),
            conv(WIDTH, 12),
        )  # fmt: skip

    def forward(self, image: Tensor, noise: Tensor) -> Tensor:
        small = cat((F.pixel_unshuffle(image, 2), noise[:, :, ::2, ::2]), 1)
        return F.pixel_shuffle(self.body(small), 2)


class _Residual(nn.Sequential):
    def __init__(self, width: int) -> None:
        super().__init__(conv(width, width), nn.ReLU(), conv(width, width))

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + super().forward(hidden)


class DruNet(nn.Module):
    """Zhang et al., 2021: a U of residual blocks beside a map of the noise, sums as skips."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.one, self.tail = conv(4, WIDTH), _Residual(WIDTH), conv(WIDTH, 3)
        self.down = nn.Conv2d(WIDTH, 2 * WIDTH, 2, 2, bias=False)
        self.low = nn.Sequential(_Residual(2 * WIDTH), _Residual(2 * WIDTH))
        self.up = nn.ConvTranspose2d(2 * WIDTH, WIDTH, 2, 2, bias=False)
        self.last = _Residual(WIDTH)

    def forward(self, image: Tensor, noise: Tensor) -> Tensor:
        head = self.head(cat([image, noise], 1))
        hidden = self.up(self.low(self.down(self.one(head))))
        return self.tail(self.last(hidden + head))


class ResizingUnet(nn.Module):
    """A U that pools with ceil_mode and resizes to the size of the skip, as for any size."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, WIDTH), conv(WIDTH, 3)
        self.down = nn.ModuleList(conv(WIDTH, WIDTH) for _ in range(3))
        self.up = nn.ModuleList(conv(2 * WIDTH, WIDTH) for _ in range(3))

    def forward(self, image: Tensor) -> Tensor:
        hidden, skips = F.relu(self.entry(image)), []
        for layer in self.down:
            skips.append(hidden)
            hidden = F.relu(layer(F.max_pool2d(hidden, 2, 2, ceil_mode=True)))
        for layer, skip in zip(self.up, reversed(skips), strict=True):
            hidden = F.interpolate(hidden, skip.shape[2:], mode="bilinear", align_corners=False)
            hidden = F.relu(layer(cat([hidden, skip], 1)))
        return image + self.exit(hidden)


class CbdNet(nn.Module):
    """Guo et al., 2019: a map of the noise is estimated, then used by a U."""

    def __init__(self) -> None:
        super().__init__()
        self.estimate = nn.Sequential(conv(3, WIDTH), nn.ReLU(), conv(WIDTH, 3), nn.ReLU())
        self.entry, self.low = conv(6, WIDTH), conv(WIDTH, 2 * WIDTH)
        self.up = nn.ConvTranspose2d(2 * WIDTH, WIDTH, 2, 2)
        self.exit = conv(WIDTH, 3)

    def forward(self, image: Tensor) -> Tensor:
        entry = F.relu(self.entry(cat([image, self.estimate(image)], 1)))
        low = F.relu(self.low(F.avg_pool2d(entry, 2)))
        return image + self.exit(F.relu(self.up(low) + entry))


class MirNet(nn.Module):
    """Zamir et al., 2020: two sizes in parallel, fused by channel weights of a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, WIDTH), conv(WIDTH, 3)
        self.near, self.far = _Residual(WIDTH), _Residual(WIDTH)
        self.squeeze = nn.Sequential(conv(WIDTH, 4, 1), nn.LeakyReLU(0.2))
        self.weights = nn.ModuleList(conv(4, WIDTH, 1) for _ in range(2))
        self.spatial = conv(2, 1, 5)

    def forward(self, image: Tensor) -> Tensor:
        entry = self.entry(image)
        far = self.far(F.interpolate(entry, scale_factor=0.5, mode="bilinear"))
        parts = [self.near(entry), F.interpolate(far, scale_factor=2.0, mode="bilinear")]
        pooled = self.squeeze(F.adaptive_avg_pool2d(parts[0] + parts[1], 1))
        weights = torch.stack([layer(pooled) for layer in self.weights], 1).softmax(1)
        fused = (torch.stack(parts, 1) * weights).sum(1)
        maps = cat([fused.amax(1, keepdim=True), fused.mean(1, keepdim=True)], 1)
        return image + self.exit(fused * torch.sigmoid(self.spatial(maps)) + entry)


class Drln(nn.Module):
    """Anwar & Barnes, 2019: dense residuals and attention by three dilated convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.one, self.two = conv(3, WIDTH), _Residual(WIDTH), _Residual(2 * WIDTH)
        self.join, self.back = conv(3 * WIDTH, WIDTH, 1), conv(3 * (WIDTH // 4), WIDTH)
        self.scales = nn.ModuleList(
            nn.Conv2d(WIDTH, WIDTH // 4, 3, 1, rate, rate) for rate in (3, 5, 7)
        )
        self.exit = conv(WIDTH, 12)

    def forward(self, image: Tensor) -> Tensor:
        entry = self.entry(image)
        one = F.relu(self.one(entry))
        pair = cat([entry, one], 1)
        joined = self.join(cat([F.relu(self.two(pair)), one], 1))
        pooled = F.adaptive_avg_pool2d(joined, 1)
        gate = self.back(cat([F.relu(layer(pooled)) for layer in self.scales], 1))
        return F.pixel_shuffle(self.exit(joined * torch.sigmoid(gate) + entry), 2)


class CaMixer(nn.Module):
    """Wang et al., 2024: attention in windows, mixed with convolutions by a predicted mask."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.value = conv(3, WIDTH), conv(WIDTH, WIDTH, 1)
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mask = nn.Sequential(conv(WIDTH, 4, 1), nn.LeakyReLU(0.1), conv(4, 1, 1), nn.Sigmoid())
        self.near, self.exit = depthwise(WIDTH, 3), conv(WIDTH, 12)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        n, c, h, w = hidden.shape

        def windows(plane: Tensor) -> Tensor:
            parts = plane.view(n, c, h // 8, 8, w // 8, 8).permute(0, 2, 4, 3, 5, 1)
            return parts.reshape(-1, 64, c)

        value, rows = windows(self.value(hidden)), windows(hidden)
        weights = (self.query(rows) @ self.key(rows).transpose(1, 2) / c**0.5).softmax(-1)
        mixed = (weights @ value).view(n, h // 8, w // 8, 8, 8, c).permute(0, 5, 1, 3, 2, 4)
        mask = self.mask(hidden)
        hidden = hidden + mixed.reshape(n, c, h, w) * mask + self.near(hidden) * (1 - mask)
        return F.pixel_shuffle(self.exit(hidden), 2)


class MobileSr(nn.Module):
    """Of the kind of MobileSR (2022): inverted residuals, then attention between channels."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, WIDTH), conv(WIDTH, 12)
        self.wide = nn.Sequential(
            conv(WIDTH, 3 * WIDTH, 1), nn.ReLU6(), depthwise(3 * WIDTH, 3), nn.ReLU6(),
            conv(3 * WIDTH, WIDTH, 1),
        )  # fmt: skip
        self.norm, self.heads = ChannelNorm(WIDTH), conv(WIDTH, 3 * WIDTH, 1)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        hidden = hidden + self.wide(hidden)
        n, c, h, w = hidden.shape
        query, key, value = self.heads(self.norm(hidden)).reshape(n, 3, c, h * w).unbind(1)
        scores = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(1, 2)
        hidden = hidden + (scores.softmax(-1) @ value).reshape(n, c, h, w)
        enlarged = F.interpolate(image, scale_factor=2.0, mode="bicubic")
        return F.pixel_shuffle(self.exit(hidden), 2) + enlarged


class KernelBasis(nn.Module):
    """Zhang et al., 2023 (KBNet): a sum of convolutions with a weight for each pixel."""

    def __init__(self, kernels: int = 4) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, WIDTH), conv(WIDTH, 3)
        self.basis = nn.ModuleList(
            nn.Conv2d(WIDTH, WIDTH, 3, 1, 1, groups=4) for _ in range(kernels)
        )
        self.weights = nn.Sequential(depthwise(WIDTH, 3), conv(WIDTH, kernels, 1))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        weights = self.weights(hidden).unsqueeze(2)
        parts = torch.stack([layer(hidden) for layer in self.basis], 1)
        gated = (weights * parts).sum(1) * hidden
        return image + self.exit(hidden + gated)


class FastDvd(nn.Module):
    """Tassano et al., 2020: five frames and a noise map; three at a time, then their results."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = _Triple(), _Triple()

    def forward(self, frames: Tensor, noise: Tensor) -> Tensor:
        parts = [self.first(frames[:, 3 * i : 3 * i + 9], noise) for i in range(3)]
        return self.second(cat(parts, 1), noise)


class _Triple(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Conv2d(12, 12, 3, padding=1, groups=3)
        self.mix, self.down = conv(12, WIDTH), nn.Conv2d(WIDTH, 2 * WIDTH, 3, 2, 1)
        self.norm, self.up, self.exit = (
            nn.BatchNorm2d(WIDTH),
            conv(2 * WIDTH, 4 * WIDTH),
            conv(16, 3),
        )

    def forward(self, frames: Tensor, noise: Tensor) -> Tensor:
        one, middle, other = frames.split(3, 1)
        hidden = self.entry(cat([one, noise, middle, noise, other, noise], 1))
        hidden = F.relu(self.norm(self.mix(hidden)))
        hidden = hidden + F.pixel_shuffle(self.up(F.relu(self.down(hidden))), 2)
        return middle - self.exit(hidden)


class Recurrent(nn.Module):
    """Of the kind of BasicVSR (Chan et al., 2021), without flow: features go to the next frame."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.block = conv(3 + 16, WIDTH), _Residual(WIDTH)
        self.up, self.exit = conv(WIDTH, 4 * WIDTH), conv(WIDTH, 3)

    def forward(self, image: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.leaky_relu(self.entry(cat([image, 0.3 * state], 1)), 0.1)
        hidden = torch.tanh(self.block(hidden))
        large = F.leaky_relu(F.pixel_shuffle(self.up(hidden), 2), 0.1)
        return self.exit(large) + F.interpolate(image, scale_factor=2.0, mode="bilinear"), hidden
