"""Small networks with the structure of published families that attend, choose or curve."""

from __future__ import annotations

from torch import Tensor, amax, cat, clamp, nn, ones, sigmoid, tanh, zeros
from torch.nn import functional as F

from .super_resolution import WIDTH, conv


class _Attention(nn.Module):
    """Pooled by mean and maximum, over pixels and then over channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.channels = nn.Sequential(conv(width, 4, 1), nn.ReLU(), conv(4, width, 1))
        self.pixels = conv(2, 1, 7)

    def forward(self, hidden: Tensor) -> Tensor:
        mean, most = F.adaptive_avg_pool2d(hidden, 1), F.adaptive_max_pool2d(hidden, 1)
        hidden = hidden * sigmoid(self.channels(mean) + self.channels(most))
        pooled = cat([amax(hidden, 1, keepdim=True), hidden.mean(1, keepdim=True)], 1)
        return hidden * sigmoid(self.pixels(pooled))


class Cbam(nn.Module):
    """Woo et al., 2018, in a residual network with Mish (Misra, 2019) and a bicubic skip."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.attention = conv(3, width), _Attention(width)
        self.exit = nn.Sequential(conv(width, 12), nn.PixelShuffle(2))

    def forward(self, image: Tensor) -> Tensor:
        skip = F.interpolate(image, scale_factor=2.0, mode="bicubic")
        return skip + self.exit(self.attention(F.mish(self.entry(image))))


class _Norm(nn.Module):
    """Restormer's layer normalisation of pixels laid out in a row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(ones(width)), nn.Parameter(zeros(width))

    def forward(self, image: Tensor) -> Tensor:
        rows = image.flatten(2).transpose(1, 2)
        centred = rows - rows.mean(-1, keepdim=True)
        rows = centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
        return (rows * self.weight + self.bias).transpose(1, 2).reshape(image.shape)


class Restormer(nn.Module):
    """Zamir et al., 2022: one block of attention over channels and a gate of GELU."""

    def __init__(self, width: int = WIDTH, heads: int = 2) -> None:
        super().__init__()
        self.heads, self.temperature = heads, nn.Parameter(ones(heads, 1, 1))
        self.entry, self.exit = conv(3, width), conv(width, 3)
        self.first, self.second = _Norm(width), _Norm(width)
        self.queries, self.out = conv(width, 3 * width, 1), conv(width, width, 1)
        self.gates = conv(width, 4 * width, 1)
        self.back = conv(2 * width, width, 1)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        hidden = hidden + self.attend(self.first(hidden))
        one, other = self.gates(self.second(hidden)).chunk(2, 1)
        return image + self.exit(hidden + self.back(F.gelu(one) * other))

    def attend(self, hidden: Tensor) -> Tensor:
        parts = self.queries(hidden).chunk(3, 1)
        q, k, v = (part.reshape(1, self.heads, -1, part[0, 0].numel()) for part in parts)
        product = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
        return self.out(((product * self.temperature).softmax(-1) @ v).reshape(hidden.shape))


class SelectiveKernels(nn.Module):
    """MIRNet's fusion (Zamir et al., 2020): scales weighted by a softmax over them."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, width), conv(width, 3)
        self.fine, self.coarse = conv(width, width), conv(width, width)
        self.squeeze = nn.Sequential(conv(width, 4, 1), nn.PReLU())
        self.weights = conv(4, 2 * width, 1)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        small = F.softplus(self.coarse(F.avg_pool2d(hidden, 2)))
        large = F.interpolate(small, scale_factor=2.0, mode="bilinear")
        both = cat([self.fine(hidden), large], 1).unflatten(1, (2, -1))
        mean = F.adaptive_avg_pool2d(both.sum(1), 1)
        weights = self.weights(self.squeeze(mean)).unflatten(1, (2, -1)).softmax(1)
        return image + self.exit((both * weights).sum(1))


class ZeroDce(nn.Module):
    """Guo et al., 2020: curves x + a·(x² − x), one after the other, of maps that are learned."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.maps = nn.Sequential(conv(3, width), nn.ReLU(), conv(width, 12))

    def forward(self, image: Tensor) -> Tensor:
        for curve in tanh(self.maps(image)).split(3, 1):
            image = image + curve * (image.pow(2) - image)
        return clamp(image, 0.0, 1.0)
