"""Small networks with the structure of families that take haze, dark or compression away."""

from __future__ import annotations

import torch
from torch import Tensor, cat, nn
from torch.nn import functional as F

from .super_resolution import WIDTH, conv


class DehazeNet(nn.Module):
    """Cai et al., 2016: maxout over groups of channels, three sizes, a bounded ReLU."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.exit = nn.Conv2d(3, 2 * width, 5, padding=2), nn.Conv2d(12, 1, 6)
        self.scales = nn.ModuleList(conv(4, 4, size) for size in (3, 5, 7))

    def forward(self, image: Tensor) -> Tensor:
        n, _, h, w = image.shape
        hidden = self.entry(image).view(n, 4, -1, h, w).max(2)[0]
        hidden = F.max_pool2d(cat([scale(hidden) for scale in self.scales], 1), 7, 1, 3)
        light = F.hardtanh(self.exit(F.pad(hidden, (2, 3, 2, 3))), 0.3, 1.0)
        return (image - 0.5) / light + 0.5


class AodNet(nn.Module):
    """Li et al., 2017: one map K for haze and light, K·x − K + 1."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = conv(3, 3, 1), conv(3, 3), conv(6, 3, 5)
        self.fourth, self.exit = conv(6, 3, 7), conv(12, 3)

    def forward(self, image: Tensor) -> Tensor:
        one = F.relu(self.first(image))
        two = F.relu(self.second(one))
        three = F.relu(self.third(cat([one, two], 1)))
        four = F.relu(self.fourth(cat([two, three], 1)))
        k = F.relu(self.exit(cat([one, two, three, four], 1)))
        return F.relu(k * image - k + 1)


class FfaNet(nn.Module):
    """Qin et al., 2020: attention to channels and pixels, groups fused by weights of a mean."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.width, self.entry, self.exit = width, conv(3, width), conv(width, 3)
        self.layers = nn.ModuleList(conv(width, width) for _ in range(2))
        self.channels, self.pixels = self._gate(width, width), self._gate(width, 1)
        self.fuse = self._gate(2 * width, 2 * width)

    def _gate(self, inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(conv(inputs, 4, 1), nn.ReLU(), conv(4, outputs, 1), nn.Sigmoid())

    def forward(self, image: Tensor) -> Tensor:
        hidden, groups = self.entry(image), []
        for layer in self.layers:
            found = F.relu(layer(hidden)) + hidden
            found = found * self.channels(F.adaptive_avg_pool2d(found, 1))
            hidden = found * self.pixels(found) + hidden
            groups.append(hidden)
        weights = self.fuse(F.adaptive_avg_pool2d(cat(groups, 1), 1))
        weights = weights.view(-1, 2, self.width)[:, :, :, None, None]
        return image + self.exit(weights[:, 0] * groups[0] + weights[:, 1] * groups[1])


class GridDehaze(nn.Module):
    """Liu et al., 2019: rows of several sizes, every join weighted per channel."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, width), conv(width, 3)
        self.row = nn.Sequential(conv(width, width), nn.PReLU(), conv(width, width))
        self.down = nn.Sequential(nn.Conv2d(width, width, 3, 2, 1), nn.PReLU())
        self.up = nn.ConvTranspose2d(width, width, 3, 2, 1, output_padding=1)
        self.shares = nn.Parameter(torch.linspace(0.2, 1, 2 * width).view(2, width))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        hidden = self.row(hidden) + hidden
        one, other = (share[None, :, None, None] for share in self.shares)
        return F.relu(self.exit(one * hidden + other * self.up(self.down(hidden))))


class GcaNet(nn.Module):
    """Chen et al., 2019: edges beside the image, one smoothing kernel for all, gated fusion."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.norm = nn.Conv2d(4, width, 3, 1, 1), nn.InstanceNorm2d(width, affine=True)
        self.dilated = nn.Conv2d(width, width, 3, 1, 2, 2, bias=False)
        self.gate, self.exit = conv(2 * width, 2), conv(width, 3, 1)
        self.smooth = nn.Parameter(torch.linspace(0, 0.2, 9).view(1, 1, 3, 3))

    def forward(self, image: Tensor) -> Tensor:
        edges = F.pad((image[:, :, :, 1:] - image[:, :, :, :-1]).abs(), (0, 1, 0, 0))
        hidden = F.relu(self.norm(self.entry(cat([image, edges.mean(1, keepdim=True)], 1))))
        kernel = self.smooth.expand(hidden.shape[1], 1, 3, 3).contiguous()
        smooth = F.conv2d(hidden, kernel, padding=1, groups=hidden.shape[1])
        other = F.relu(self.dilated(smooth) + hidden)
        one, two = self.gate(cat([hidden, other], 1)).chunk(2, 1)
        return self.exit(hidden * one + other * two) + image


class ZeroDcePlus(nn.Module):
    """Li et al., 2021: curves found on a smaller image by separable layers, one for all steps."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.first, self.second = self._separable(3, width), self._separable(width, width)
        self.exit = self._separable(2 * width, 3)

    def _separable(self, inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, 1, 1, groups=inputs), conv(inputs, outputs, 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        one = F.relu(self.first(F.interpolate(image, scale_factor=0.25, mode="bilinear")))
        curve = torch.tanh(self.exit(cat([one, F.relu(self.second(one))], 1)))
        curve = F.interpolate(curve, scale_factor=4.0, mode="bilinear")
        for _ in range(4):
            image = image + curve * (torch.pow(image, 2) - image)
        return image


class CsrNet(nn.Module):
    """He et al., 2020: 1×1 layers whose channels are scaled and shifted by the whole image."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.width, self.first, self.exit = width, conv(3, width, 1), conv(width, 3, 1)
        self.condition = nn.Sequential(
            nn.Conv2d(3, width, 7, 2, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 2, 1), nn.ReLU()
        )
        self.scale, self.shift = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, image: Tensor) -> Tensor:
        condition = self.condition(F.pad(image, (1, 1, 1, 1), "reflect")).mean((2, 3))
        scale, shift = (f(condition).view(-1, self.width, 1, 1) for f in (self.scale, self.shift))
        hidden = self.first(image)
        return self.exit(F.relu(hidden * scale + shift + hidden))


class HdrNet(nn.Module):
    """Gharbi et al., 2017: a grid of affine colour maps, sliced by hat functions of a guide."""

    def __init__(self, depth: int = 4) -> None:
        super().__init__()
        self.depth, self.grid, self.guide = depth, nn.Conv2d(3, 12 * depth, 8, 8), conv(3, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        grid = F.interpolate(self.grid(image), scale_factor=8, mode="bilinear").chunk(self.depth, 1)
        guide = torch.sigmoid(self.guide(image)) * (self.depth - 1)
        hats = [torch.relu(1 - torch.abs(guide - level)) for level in range(self.depth)]
        maps = sum(hat * layer for hat, layer in zip(hats, grid, strict=True))
        rows = [maps[:, 4 * i : 4 * i + 4] for i in range(3)]
        return cat([(row[:, :3] * image).sum(1, keepdim=True) + row[:, 3:] for row in rows], 1)


class LumaNet(nn.Module):
    """Luma found by a matrix and enhanced, as retouching networks do; the matrix turned back."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        matrix = [[0.299, 0.587, 0.114], [-0.147, -0.289, 0.436], [0.615, -0.515, -0.1]]
        self.register_buffer("matrix", torch.tensor(matrix))
        self.register_buffer("back", torch.linalg.inv(self.matrix).t().contiguous())
        self.body = nn.Sequential(conv(1, width), nn.PReLU(width), conv(width, 1))

    def forward(self, image: Tensor) -> Tensor:
        yuv = torch.einsum("bchw,dc->bdhw", image, self.matrix)
        yuv = cat([yuv[:, :1] + self.body(yuv[:, :1]), yuv[:, 1:]], 1)
        rgb = torch.tensordot(yuv.permute(0, 2, 3, 1), self.back, dims=1)
        return rgb.permute(0, 3, 1, 2).clamp(0, 1)


class ArCnn(nn.Module):
    """Dong et al., 2015: 9×9, 7×7, 1×1 and 5×5 with PReLU."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 2 * width, 9), nn.PReLU(), conv(2 * width, width, 7), nn.PReLU(),
            conv(width, width, 1), nn.PReLU(), conv(width, 3, 5),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        return self.body(image)


class FbCnn(nn.Module):
    """Jiang et al., 2021: the quality is guessed from a mean, and scales and shifts features."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        wide = 2 * width
        self.entry, self.exit = conv(3, width), conv(width, 3)
        self.down, self.body = nn.Conv2d(width, wide, 2, 2), conv(wide, wide)
        self.quality = nn.Sequential(
            nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(wide, 8), nn.ReLU(),
            nn.Linear(8, 1), nn.Sigmoid(), nn.Linear(1, 8), nn.ReLU(),
        )  # fmt: skip
        self.gain = nn.Sequential(nn.Linear(8, wide), nn.Sigmoid())
        self.shift = nn.Sequential(nn.Linear(8, wide), nn.Tanh())
        self.up = nn.ConvTranspose2d(wide, width, 2, 2)

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        hidden = self.down(first)
        quality = self.quality(hidden)
        gain, shift = (f(quality)[..., None, None] for f in (self.gain, self.shift))
        hidden = hidden + gain * F.relu(self.body(hidden)) + shift
        return self.exit(self.up(hidden) + first)


class MwCnn(nn.Module):
    """Liu et al., 2018: a Haar wavelet by strided slices, its inverse by assignments to them."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(12, width), nn.ReLU(), conv(width, 12))

    def forward(self, image: Tensor) -> Tensor:
        even, odd = image[:, :, 0::2, :] / 2, image[:, :, 1::2, :] / 2
        a, b, c, d = even[..., 0::2], odd[..., 0::2], even[..., 1::2], odd[..., 1::2]
        bands = cat((a + b + c + d, c + d - a - b, b + d - a - c, a + d - b - c), 1)
        low, tall, wide, cross = ((self.body(bands) + bands) / 2).chunk(4, 1)
        result = torch.zeros_like(image)
        result[:, :, 0::2, 0::2] = low - tall - wide + cross
        result[:, :, 1::2, 0::2] = low - tall + wide - cross
        result[:, :, 0::2, 1::2] = low + tall - wide - cross
        result[:, :, 1::2, 1::2] = low + tall + wide + cross
        return result


class KernelPrediction(nn.Module):
    """Mildenhall et al., 2018: a kernel for every pixel, over an unfolded neighbourhood."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.kernels = nn.Sequential(conv(3, width), nn.ReLU(), conv(width, 9), nn.Softmax(1))

    def forward(self, image: Tensor) -> Tensor:
        n, c, h, w = image.shape
        around = F.unfold(image, 3, padding=1).view(n, c, 9, h, w)
        return (around * self.kernels(image).unsqueeze(1)).sum(2)


class Mimo(nn.Module):
    """Cho et al., 2021 (MIMO-UNet): a smaller image enters beside, features of sizes are fused."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        wide = 2 * width
        self.entry, self.down = conv(3, width), nn.Conv2d(width, wide, 3, 2, 1)
        self.beside = nn.Sequential(conv(3, width), nn.ReLU(), conv(width, wide, 1))
        self.merge, self.fuse = conv(wide, wide), conv(wide + width, width, 1)
        self.up = nn.ConvTranspose2d(wide, width, 4, 2, 1)
        self.join, self.exit = conv(wide, width, 1), conv(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        first = F.relu(self.entry(image))
        hidden, small = self.down(first), self.beside(F.interpolate(image, scale_factor=0.5))
        hidden = hidden + self.merge(hidden * small)
        fused = self.fuse(cat([first, F.interpolate(hidden, scale_factor=2)], 1))
        return self.exit(self.join(cat([self.up(hidden), fused], 1))) + image


class GuidedFilter(nn.Module):
    """He et al., 2010, as networks end with it: means in windows, covariance over variance."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, width), nn.ReLU(), conv(width, 3))

    def _mean(self, image: Tensor) -> Tensor:
        return F.avg_pool2d(image, 5, 1, 2, count_include_pad=False)

    def forward(self, image: Tensor) -> Tensor:
        wanted = self.body(image)
        one, other = self._mean(image), self._mean(wanted)
        covariance = self._mean(image * wanted) - one * other
        slope = covariance / (self._mean(image * image) - one * one + 0.1)
        return self._mean(slope) * image + self._mean(other - slope * one)
