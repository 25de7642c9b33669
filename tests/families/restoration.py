"""Small networks with the structure of the published restoration and deblurring families."""

from __future__ import annotations

from torch import Tensor, cat, mean, nn, ones, zeros
from torch.nn import functional as F

from .super_resolution import WIDTH, conv


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of every pixel, as NAFNet's authors wrote it."""

    def __init__(self, channels: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(ones(channels)), nn.Parameter(zeros(channels))
        self.epsilon = epsilon

    def forward(self, hidden: Tensor) -> Tensor:
        mu = hidden.mean(1, keepdim=True)
        variance = (hidden - mu).pow(2).mean(1, keepdim=True)
        normal = (hidden - mu) / (variance + self.epsilon).sqrt()
        return self.weight.view(1, -1, 1, 1) * normal + self.bias.view(1, -1, 1, 1)


class ChannelNormByPermuting(nn.Module):
    """The same through nn.LayerNorm, which wants channels last."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.norm(hidden.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _SimpleGate(nn.Module):
    def forward(self, hidden: Tensor) -> Tensor:
        one, other = hidden.chunk(2, 1)
        return one * other


class _NafBlock(nn.Module):
    def __init__(self, norm: type[nn.Module], width: int) -> None:
        super().__init__()
        self.spatial = nn.Sequential(
            norm(width), conv(width, 2 * width, 1),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width), _SimpleGate(),
        )  # fmt: skip
        self.attention = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv(width, width, 1))
        self.out = conv(width, width, 1)
        self.channels = nn.Sequential(
            norm(width), conv(width, 2 * width, 1), _SimpleGate(), conv(width, width, 1)
        )
        self.beta = nn.Parameter(0.5 * ones(1, width, 1, 1))
        self.gamma = nn.Parameter(0.5 * ones(1, width, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.spatial(image)
        hidden = image + self.out(hidden * self.attention(hidden)) * self.beta
        return hidden + self.channels(hidden) * self.gamma


class NafNet(nn.Module):
    """Chen et al., 2022: one level down and up, gates for activations."""

    def __init__(self, norm: type[nn.Module] = ChannelNorm, width: int = WIDTH) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, width), conv(width, 3)
        self.encoder, self.decoder = _NafBlock(norm, width), _NafBlock(norm, width)
        self.down = nn.Conv2d(width, 2 * width, 2, 2)
        self.middle = _NafBlock(norm, 2 * width)
        self.up = nn.Sequential(nn.Conv2d(2 * width, 4 * width, 1, bias=False), nn.PixelShuffle(2))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.encoder(self.entry(image))
        hidden = self.decoder(self.up(self.middle(self.down(hidden))) + hidden)
        return self.exit(hidden) + image


class NafNetPermuting(NafNet):
    """NAFNet whose normalisation permutes to channels last and back."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__(ChannelNormByPermuting, width)


class JpegNet(nn.Module):
    """A residual network of 20 layers against JPEG artefacts."""

    def __init__(self, layers: int = 20, width: int = WIDTH) -> None:
        super().__init__()
        middle = [part for _ in range(layers - 2) for part in (conv(width, width), nn.ReLU())]
        self.body = nn.Sequential(conv(3, width), nn.ReLU(), *middle, conv(width, 3))

    def forward(self, image: Tensor) -> Tensor:
        return (image - self.body(image)).clamp(0, 1)


class DnCnn(nn.Module):
    """Zhang et al., 2017: batch norm in every layer but the ends."""

    def __init__(self, layers: int = 8, width: int = WIDTH) -> None:
        super().__init__()
        middle = [
            part
            for _ in range(layers - 2)
            for part in (
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            )
        ]
        self.body = nn.Sequential(conv(1, width), nn.ReLU(), *middle, conv(width, 1))

    def forward(self, image: Tensor) -> Tensor:
        return image - self.body(image)


class _Scale(nn.Module):
    """One level of DeepDeblur: residual blocks without normalisation."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.entry, self.exit = conv(inputs, width, 5), conv(width, 3, 5)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(width, width, 5), nn.ReLU(), conv(width, width, 5)) for _ in range(2)
        )

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.entry(image)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.exit(hidden)


class DeepDeblur(nn.Module):
    """Nah et al., 2017: three scales, each with the result of the coarser one beside it."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.coarse, self.middle, self.fine = (_Scale(n, width) for n in (3, 6, 6))
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(3, 3, 4, 2, 1) for _ in range(2))

    def forward(self, image: Tensor) -> Tensor:
        half = F.interpolate(image, scale_factor=0.5, mode="bilinear", align_corners=False)
        quarter = F.interpolate(half, scale_factor=0.5, mode="bilinear", align_corners=False)
        result = self.coarse(quarter)
        result = self.middle(cat([half, self.enlarge[0](result)], 1))
        return self.fine(cat([image, self.enlarge[1](result)], 1))


class _ReflectedBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width),
            nn.ReLU(), nn.Dropout(0.5),
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width),
        )  # fmt: skip

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.body(hidden)


class DeblurGan(nn.Module):
    """Kupyn et al., 2018, the generator: instance norm, reflection, transposed convolutions."""

    def __init__(self, blocks: int = 2, width: int = WIDTH) -> None:
        super().__init__()
        w = WIDTH
        self.body = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7), nn.InstanceNorm2d(w), nn.ReLU(),
            nn.Conv2d(w, 2 * w, 3, 2, 1), nn.InstanceNorm2d(2 * w), nn.ReLU(),
            nn.Conv2d(2 * w, 4 * w, 3, 2, 1), nn.InstanceNorm2d(4 * w), nn.ReLU(),
            *(_ReflectedBlock(4 * w) for _ in range(blocks)),
            nn.ConvTranspose2d(4 * w, 2 * w, 3, 2, 1, 1), nn.InstanceNorm2d(2 * w), nn.ReLU(),
            nn.ConvTranspose2d(2 * w, w, 3, 2, 1, 1), nn.InstanceNorm2d(w), nn.ReLU(),
            nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh(),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        return (image + self.body(image)).clamp(0, 1)


class SqueezedAttention(nn.Module):
    """Squeeze-and-excitation by a view and linear layers, as many restoration networks have it."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.exit = conv(3, WIDTH), conv(WIDTH, 3)
        self.squeeze = nn.Sequential(
            nn.Linear(WIDTH, 4), nn.ReLU(), nn.Linear(4, WIDTH), nn.Hardsigmoid()
        )

    def forward(self, image: Tensor) -> Tensor:
        hidden = F.hardswish(self.entry(image))
        gate = self.squeeze(mean(hidden, (2, 3)))
        return self.exit(F.gelu(hidden * gate[:, :, None, None]))
