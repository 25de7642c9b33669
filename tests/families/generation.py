"""Small networks with the structure of style transfer, DCGAN and variational autoencoders."""

from __future__ import annotations

from torch import Tensor, nn

from .super_resolution import WIDTH, conv


class _StyleConv(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReflectionPad2d(kernel // 2), nn.Conv2d(inputs, outputs, kernel, stride)
        )


class _StyleBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _StyleConv(width, width, 3), nn.InstanceNorm2d(width, affine=True), nn.ReLU(),
            _StyleConv(width, width, 3), nn.InstanceNorm2d(width, affine=True),
        )  # fmt: skip

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.body(hidden)


class StyleTransfer(nn.Sequential):
    """Johnson et al., 2016, as torch's example: instance norm, nearest upsampling."""

    def __init__(self, width: int = WIDTH) -> None:
        w = width
        super().__init__(
            _StyleConv(3, w, 9), nn.InstanceNorm2d(w, affine=True), nn.ReLU(),
            _StyleConv(w, 2 * w, 3, 2), nn.InstanceNorm2d(2 * w, affine=True), nn.ReLU(),
            _StyleBlock(2 * w),
            nn.Upsample(scale_factor=2, mode="nearest"), _StyleConv(2 * w, w, 3),
            nn.InstanceNorm2d(w, affine=True), nn.ReLU(), _StyleConv(w, 3, 9),
        )  # fmt: skip


class DcGan(nn.Module):
    """Radford et al., 2016: the generator's layers behind an encoder of the image."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.body = nn.Sequential(
            nn.Conv2d(3, 2 * w, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * w, 4 * w, 4, 2, 1), nn.BatchNorm2d(4 * w), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * w), nn.ReLU(),
            nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),
            nn.ConvTranspose2d(w, 3, 4, 2, 1, bias=False), nn.Tanh(),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        return self.body(image) / 2 + 0.5


class VaeDecoder(nn.Module):
    """A convolutional VAE whose code is the mean: group norm, SiLU, bilinear upsampling."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.encode = nn.Sequential(nn.Conv2d(3, w, 3, 2, 1), nn.SiLU(), nn.Conv2d(w, 4, 3, 2, 1))
        self.decode = nn.Sequential(
            conv(4, 2 * w), nn.GroupNorm(4, 2 * w), nn.SiLU(),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), conv(2 * w, w),
            nn.BatchNorm2d(w), nn.ELU(),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), conv(w, 3),
            nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        code, _ = self.encode(image).chunk(2, 1)
        return self.decode[1:](self.decode[0](code.repeat(1, 2, 1, 1)))
