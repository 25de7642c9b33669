"""FSRCNN: super-resolution at low resolution, up to a final transposed convolution."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNEL = 9


class FSRCNN(nn.Module):
    """FSRCNN(d, s, m) of Dong, Loy and Tang, ECCV 2016, on one luma channel.

    Input (N, 1, H, W), output (N, 1, scale * H, scale * W), both float32 in [0, 1]. The output is
    not clipped. A new network is a bicubic upscaler (see `start_at_bicubic`).

    Args:
        scale: Output height over input height.
        features: d, the channels of the first and last hidden layer.
        shrunk: s, the channels of the mapping layers.
        mappings: m, the number of 3x3 mapping layers.
    """

    def __init__(self, scale: int, features: int = 56, shrunk: int = 12, mappings: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.feature = nn.Sequential(nn.Conv2d(1, features, 5, padding=2), nn.PReLU(features))
        self.shrink = nn.Sequential(nn.Conv2d(features, shrunk, 1), nn.PReLU(shrunk))
        layers: list[nn.Module] = []
        for _ in range(mappings):
            layers += [nn.Conv2d(shrunk, shrunk, 3, padding=1), nn.PReLU(shrunk)]
        self.mapping = nn.Sequential(*layers)
        self.expand = nn.Sequential(nn.Conv2d(shrunk, features, 1), nn.PReLU(features))
        padding = kernel_padding(scale)
        extra = scale - KERNEL + 2 * padding
        self.upsample = nn.ConvTranspose2d(
            features, 1, KERNEL, stride=scale, padding=padding, output_padding=extra
        )
        start_at_bicubic(self)

    def hidden(self, luma: Tensor) -> Tensor:
        """Return the features that the last layer, the transposed convolution, enlarges.

        Luma (N, 1, H, W) in [0, 1] gives float32 (N, d, H, W), of any range.
        """
        features: Tensor = self.expand(self.mapping(self.shrink(self.feature(luma))))
        return features

    def forward(self, luma: Tensor) -> Tensor:
        """Up-scale luma (N, 1, H, W) in [0, 1] to (N, 1, scale * H, scale * W), not clipped.

        H and W may have any size.
        """
        enlarged: Tensor = self.upsample(self.hidden(luma))
        return enlarged

    def forward_subpixel(self, luma: Tensor) -> Tensor:
        """Compute `forward` with the last layer as convolution and pixel shuffle.

        Luma (N, 1, H, W) in [0, 1] gives (N, 1, scale * H, scale * W). Equal to `forward` up to
        float32 rounding, and differentiable in its weights. About twice as fast on a CPU, so
        training uses it.
        """
        weight = subpixel_kernel(self.upsample.weight, self.scale)
        phases = F.conv2d(self.hidden(luma), weight, padding=weight.shape[-1] // 2)
        enlarged = F.pixel_shuffle(phases, self.scale)
        assert self.upsample.bias is not None
        return enlarged + self.upsample.bias


def kernel_padding(scale: int) -> int:
    """Return the padding of a 9-tap transposed convolution that centres its taps, to half a tap.

    `scale` is the stride; the padding is in output pixels. Output pixel o lies at input position
    (o + 0.5) / scale - 0.5, which is tap padding + (scale - 1) / 2 of the kernel; the centre of the
    kernel is tap 4.
    """
    return (KERNEL - scale + 1) // 2


def subpixel_kernel(weight: Tensor, scale: int) -> Tensor:
    """Regroup the kernel of a transposed convolution into that of a convolution and pixel shuffle.

    `weight` is (C, 1, 9, 9), of stride `scale` and padding `kernel_padding`; the result (scale**2,
    C, k, k), k odd, for zero padding k // 2. Weights are copied, so both compute the same up to
    rounding. Output row o = scale * q + p of a transposed convolution with padding P reads input
    row q + t - r through tap scale * (r - t) + p + P, where r = ceil(P / scale) and t = 0 .. 2r is
    the tap of an ordinary convolution. Taps outside 0 .. 8 do not exist and become zero. The result
    is differentiable in `weight`.
    """
    padding = kernel_padding(scale)
    radius = -(-padding // scale)
    size = 2 * radius + 1
    phases, taps = torch.arange(scale)[:, None], torch.arange(size)[None, :]
    source = scale * (radius - taps) + phases + padding
    source = torch.where((source < 0) | (source >= KERNEL), KERNEL, source).reshape(-1)
    padded = F.pad(weight[:, 0], (0, 1, 0, 1))
    grid = padded.index_select(1, source).index_select(2, source)
    grid = grid.reshape(-1, scale, size, scale, size).permute(1, 3, 0, 2, 4)
    return grid.reshape(scale * scale, -1, size, size)


def bicubic_kernel(scale: int) -> Tensor:
    """Return the taps, float64 (9,), of a transposed convolution that enlarges by bicubic.

    It is separable, with stride `scale`; the cubic is Keys' with a = -0.5. Exact for scale 2, whose
    8 taps fit. Larger scales lose the outermost taps, and each output phase is normalised to sum to
    one, so all taps sum to `scale`.
    """
    taps = torch.arange(KERNEL, dtype=torch.float64)
    centre = _centre(scale)
    distance = ((taps - centre) / scale).abs()
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    kernel = torch.where(distance <= 1, near, torch.where(distance < 2, far, 0.0))
    for phase in range(scale):
        kernel[phase::scale] /= kernel[phase::scale].sum()
    return kernel


def resample_kernel(weight: Tensor, from_scale: int, to_scale: int) -> Tensor:
    """Resample the kernel of a transposed convolution for another scale, as initial weights.

    Its taps sample a continuous kernel around each output pixel, at spacing 1 / `from_scale` of an
    input pixel. That kernel is interpolated linearly, and is zero beyond its taps. `weight` and the
    result are float32 (C, 1, 9, 9); the result is not normalised.
    """
    taps = torch.arange(KERNEL, dtype=torch.float32)
    position = (taps - _centre(to_scale)) * from_scale / to_scale + _centre(from_scale)
    matrix = (1 - (position[:, None] - taps).abs()).clamp(min=0)
    return matrix @ weight @ matrix.T


def _centre(scale: int) -> float:
    """Return the tap, from 0 and possibly fractional, at which an output pixel lies."""
    return kernel_padding(scale) + (scale - 1) / 2


@torch.no_grad()
def start_at_bicubic(network: FSRCNN) -> None:
    """Initialise an FSRCNN so that it enlarges by bicubic: channel 0 carries the image unchanged.

    Luma is non-negative, so PReLU passes channel 0 unchanged. The other channels start as He et al.
    (ICCV 2015) for PReLU, and reach the output through near-zero weights, as in the paper. In
    place, from torch's global generator.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=0.25, mode="fan_in")
            assert module.bias is not None
            nn.init.zeros_(module.bias)
            module.weight[0] = 0.0
            centre = module.kernel_size[0] // 2
            module.weight[0, 0, centre, centre] = 1.0
    taps = bicubic_kernel(network.scale)
    nn.init.normal_(network.upsample.weight, std=0.001)
    network.upsample.weight[0, 0] = torch.outer(taps, taps).float()
    assert network.upsample.bias is not None
    nn.init.zeros_(network.upsample.bias)
