"""Small networks with the structure of families that light, paint or colour an image."""

from __future__ import annotations

from torch import Tensor, cat, full_like, nn, ones
from torch.nn import functional as F

from .super_resolution import WIDTH, conv


class _Residual(nn.Module):
    """CycleGAN's block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width), nn.ReLU(),
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width),
        )  # fmt: skip

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.body(hidden)


class CycleGan(nn.Module):
    """Zhu et al., 2017: as an app has it, with the range of −1 to 1 inside."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.body = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7), nn.InstanceNorm2d(w), nn.ReLU(),
            nn.Conv2d(w, 2 * w, 3, 2, 1), nn.InstanceNorm2d(2 * w), nn.ReLU(),
            _Residual(2 * w), _Residual(2 * w),
            nn.ConvTranspose2d(2 * w, w, 3, 2, 1, 1), nn.InstanceNorm2d(w), nn.ReLU(),
            nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh(),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        return (self.body((image - 0.5) / 0.5) + 1.0) / 2.0


class _Painter(nn.Sequential):
    """AnimeGAN's layer: reflection or edge, convolution, layer norm over all, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.ReflectionPad2d(1),
            nn.Conv2d(inputs, outputs, 3, stride, bias=False, groups=groups),
            nn.GroupNorm(1, outputs),
            nn.LeakyReLU(0.2),
        )


class AnimeGan(nn.Module):
    """Chen et al., 2020 (AnimeGANv2): inverted residuals, enlarged to a size that is asked for."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.first, self.down = _Painter(3, w), _Painter(w, 2 * w, 2)
        self.block = nn.Sequential(
            conv(2 * w, 4 * w, 1), _Painter(4 * w, 4 * w, groups=4 * w), conv(4 * w, 2 * w, 1)
        )
        self.up, self.exit = _Painter(2 * w, w), nn.Sequential(conv(w, 3, 1), nn.Tanh())

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.down(self.first(image * 2 - 1))
        hidden = hidden + self.block(hidden)
        size = image.shape[2:]
        hidden = F.interpolate(hidden, size, mode="bilinear", align_corners=True)
        return self.exit(self.up(hidden)) * 0.5 + 0.5


class WhiteBox(nn.Module):
    """Wang and Yu, 2020: a U-net with leaky ReLU, skips added, bilinear resizing."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.entry, self.down = conv(3, w, 7), nn.Conv2d(w, 2 * w, 3, 2, 1)
        self.middle = nn.Sequential(conv(2 * w, 2 * w), nn.LeakyReLU(0.2), conv(2 * w, 2 * w))
        self.up, self.exit = conv(2 * w, w), conv(w, 3, 7)

    def forward(self, image: Tensor) -> Tensor:
        first = F.leaky_relu(self.entry(image), 0.2)
        hidden = F.leaky_relu(self.down(first), 0.2)
        hidden = hidden + self.middle(hidden)
        height, width = hidden.shape[-2:]
        hidden = F.interpolate(hidden, (height * 2, width * 2), mode="bilinear")
        return self.exit(F.leaky_relu(self.up(hidden), 0.2) + first).clamp(0, 1)


class EnlightenGan(nn.Module):
    """Jiang et al., 2021: a U-net whose features are weighted by how dark the image is."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.first = nn.Sequential(conv(4, w), nn.LeakyReLU(0.2), nn.BatchNorm2d(w))
        self.second = nn.Sequential(conv(w, 2 * w), nn.LeakyReLU(0.2), nn.BatchNorm2d(2 * w))
        self.up, self.join, self.exit = conv(2 * w, w), conv(2 * w, w), conv(w, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        red, green, blue = image[:, 0], image[:, 1], image[:, 2]
        gray = (1.0 - (0.299 * red + 0.587 * green + 0.114 * blue)).unsqueeze(1)
        first = self.first(cat((image, gray), 1))
        hidden = self.second(F.max_pool2d(first, 2)) * F.max_pool2d(gray, 2)
        hidden = self.up(F.interpolate(hidden, scale_factor=2.0, mode="bilinear"))
        latent = self.exit(F.leaky_relu(self.join(cat([hidden, first * gray], 1)), 0.2)) * gray
        return (image + latent).clamp(min=0, max=1)


class Colorization(nn.Module):
    """Zhang et al., 2016: a softmax over colours for every pixel, and the mean of those."""

    def __init__(self, width: int = WIDTH, colours: int = 12) -> None:
        super().__init__()
        self.entry = nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.ReLU(), nn.BatchNorm2d(width))
        self.dilated = nn.Sequential(nn.Conv2d(width, width, 3, 1, 2, 2), nn.ReLU())
        self.classes, self.colours = conv(width, colours, 1), conv(colours, 3, 1)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")

    def forward(self, image: Tensor) -> Tensor:
        luma = image.mean(1, keepdim=True).repeat(1, 3, 1, 1) * 100 - 50
        hidden = self.dilated(self.entry(luma / 100))
        return self.up(self.colours(F.softmax(self.classes(hidden), 1)))


class U2Net(nn.Module):
    """Qin et al., 2020: a U inside, pools that round up, maps of several sizes joined."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.entry = nn.Sequential(conv(3, w), nn.BatchNorm2d(w), nn.ReLU())
        self.down = nn.Sequential(conv(w, w), nn.BatchNorm2d(w), nn.ReLU())
        self.wide = nn.Sequential(nn.Conv2d(w, w, 3, 1, 2, 2), nn.BatchNorm2d(w), nn.ReLU())
        self.join, self.sides = conv(2 * w, w), nn.ModuleList(conv(w, 3) for _ in range(2))
        self.pool, self.exit = nn.MaxPool2d(2, 2, ceil_mode=True), conv(6, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        first = self.entry(image)
        small = self.down(self.pool(first))
        small = small + self.wide(small)
        large = F.interpolate(small, size=first.shape[2:], mode="bilinear", align_corners=False)
        hidden = self.join(cat((large, first), 1)).relu()
        side = F.interpolate(self.sides[1](small), size=image.shape[2:], mode="bilinear")
        return self.exit(cat((self.sides[0](hidden), side), 1)).sigmoid()


class Retinex(nn.Module):
    """Wei et al., 2018 and Liu et al., 2021: the image divided by a light that is learned."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.light = nn.Sequential(conv(3, width), nn.ReLU(), conv(width, 3), nn.Sigmoid())

    def forward(self, image: Tensor) -> Tensor:
        light = (self.light(image) + image).clamp(0.25, 1.0)
        return (image / light).clamp(0.0, 1.0) * full_like(image, 0.9)


class DeOldify(nn.Module):
    """Attention by Conv1d on pixels in a row, sub-pixel upsampling smoothed by a mean of 2×2."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.head, self.down = conv(3, width), nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.query, self.key = nn.Conv1d(2 * width, 2, 1), nn.Conv1d(2 * width, 2, 1)
        self.value = nn.Conv1d(2 * width, 2 * width, 1)
        self.gain = nn.Parameter(ones(1) / 2)
        self.enlarge = nn.Sequential(
            nn.Conv2d(2 * width, 4 * width, 1), nn.ReLU(), nn.PixelShuffle(2),
            nn.ReplicationPad2d((1, 0, 1, 0)), nn.AvgPool2d(2, 1),
        )  # fmt: skip
        self.norm, self.tail = nn.BatchNorm2d(width), conv(2 * width, 3)

    def forward(self, image: Tensor) -> Tensor:
        near = self.head(image)
        far = F.relu(self.down(near))
        row = far.flatten(2)
        scores = self.query(row).transpose(1, 2) @ self.key(row)
        row = self.gain * (self.value(row) @ scores.softmax(1)) + row
        far = self.enlarge(row.view(far.shape))
        return self.tail(cat([far, self.norm(near)], 1)).sigmoid()
