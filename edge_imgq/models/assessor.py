"""A small network that estimates the degradations of a photograph and the gain of each repair."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
LUMA = (0.299, 0.587, 0.114)
RED_GREEN = (1.0, -1.0, 0.0)
BLUE_GREEN = (0.0, -1.0, 1.0)
"""Colour differences: they hold noise but hardly any texture."""

CAP = 6.0
"""Upper bound of a response, by ReLU6."""

MIN_LOG_DEVIATION = 0.3
"""Added to the standard deviation by which a mean is divided."""

DIFFERENCES = (
    ((0, 0, 0), (-1, 1, 0), (0, 0, 0)),
    ((0, -1, 0), (0, 1, 0), (0, 0, 0)),
    ((0, 0, 0), (-1, 2, -1), (0, 0, 0)),
    ((0, -1, 0), (0, 2, 0), (0, -1, 0)),
    ((1, -1, 0), (-1, 1, 0), (0, 0, 0)),
    ((0, -1, 0), (-1, 4, -1), (0, -1, 0)),
    ((-1, 0, 0), (0, 1, 0), (0, 0, 0)),
    ((0, 0, -1), (0, 1, 0), (0, 0, 0)),
    ((1, -2, 1), (-2, 4, -2), (1, -2, 1)),
)
"""First and second differences of neighbours along rows, columns and diagonals."""

DIAGONAL = DIFFERENCES[4]
STEPS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Levels of 255 at which responses of `DIFFERENCES` saturate."""

TONES = (6.0, 16.0, 32.0, 64.0, 128.0, 224.0)
"""Levels above black, and below white, at which each channel saturates."""

COLOUR_STEPS = (8.0, 32.0, 96.0)
"""Levels at which differences of two channels saturate."""

WHOLE_TONES = (3.0, 6.0, 10.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0, 176.0, 224.0)
WHOLE_COLOUR_STEPS = (4.0, 8.0, 16.0, 32.0, 96.0)
"""The same for whole photographs: finer, to tell whether they reach black and white."""

FREQUENCIES = (
    *((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (2, 2), (0, 3), (3, 0), (3, 3), (0, 5)),
    *((5, 0), (2, 5), (5, 2), (4, 4), (1, 6), (6, 1), (0, 7), (7, 0), (5, 5), (7, 7)),
)
"""Frequencies (down, across) of the cosines of 8x8 blocks."""

COSINE_STEPS = (1.0, 4.0, 16.0, 64.0)
BORDER_STEPS = (1.0, 4.0, 16.0)
BLOCK = 8


class DegradationNet(nn.Module):
    """Fixed filters, the mean of their saturated responses, and three small dense layers.

    The mean of responses that saturate at a level estimates how many exceed it. Several such means
    form a histogram, which separates noise, blur and JPEG quantization from texture (as in the
    statistics of natural scenes of Mittal et al., "BRISQUE", IEEE TIP 2012; the zeros among the
    cosines of Fan and de Queiroz, IEEE TIP 2003). The network has only convolutions, ReLU6 and
    means, with responses between 0 and 6, which suit int8. The filters are differences of
    neighbours at four sizes, cosines of 8x8 blocks, and steps at each of the eight positions in a
    block. Dense layers are 1x1 convolutions on the means. Images may have any size from 96 pixels.

    Two dense networks share the filters. One is meant for crops. The other sees tones alone, finer
    and with the brightest and darkest pixels, and is meant for a sample of the whole photograph's
    pixels: whether light is missing or a subject is dark shows only beside the rest.

    Args:
        of_crops: Number of values that describe a crop; each has an uncertainty.
        of_whole: Number of values that describe a whole photograph; each has an uncertainty.
        hidden: Widths of the two hidden dense layers for crops, and of the one for the whole.
    """

    differences: Tensor
    tones: Tensor
    offsets: Tensor
    whole_tones: Tensor
    whole_offsets: Tensor
    extremes: Tensor
    extreme_offsets: Tensor
    cosines: Tensor
    borders: Tensor
    middle: Tensor
    scale: Tensor

    def __init__(
        self, of_crops: int, of_whole: int, hidden: tuple[int, int, int] = (80, 64, 32)
    ) -> None:
        super().__init__()
        self.register_buffer("differences", difference_filters())
        for name, (filters, offsets) in {
            "": tone_filters(CHANNELS, TONES, COLOUR_STEPS),
            "whole_": tone_filters((*CHANNELS, LUMA), WHOLE_TONES, WHOLE_COLOUR_STEPS),
        }.items():
            self.register_buffer(f"{name}tones", filters)
            self.register_buffer(f"{name}offsets", offsets)
        extremes, offsets = tone_filters((*CHANNELS, LUMA), (255.0,), ())
        self.register_buffer("extremes", extremes)
        self.register_buffer("extreme_offsets", offsets)
        self.register_buffer("cosines", cosine_filters())
        self.register_buffer("borders", border_filters())
        self.of_crop = sum(
            map(len, (*[self.differences] * 4, self.tones, self.cosines, self.borders))
        )
        of_tones = len(self.whole_tones) + 2 * len(self.extremes)
        self.register_buffer("middle", torch.zeros(1, self.of_crop + of_tones, 1, 1))
        self.register_buffer("scale", torch.ones(1, self.of_crop + of_tones, 1, 1))
        self.first = nn.Conv2d(self.of_crop, hidden[0], 1)
        self.second = nn.Conv2d(hidden[0], hidden[1], 1)
        self.values = nn.Conv2d(hidden[1], of_crops, 1)
        self.spreads = nn.Conv2d(hidden[1], of_crops, 1)
        self.whole_first = nn.Conv2d(of_tones, hidden[2], 1)
        self.whole_values = nn.Conv2d(hidden[2], of_whole, 1)
        self.whole_spreads = nn.Conv2d(hidden[2], of_whole, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return estimates, then their uncertainties, (N, outputs), for RGB (N, 3, H, W) in [0, 1].

        H and W are at least 96. The outputs are those of `numbers` on `statistics`.
        """
        return self.numbers(self.statistics(image))

    def statistics(self, image: Tensor) -> Tensor:
        """Return mean filter responses (N, n, 1, 1) for RGB (N, 3, H, W) in [0, 1].

        Means of ReLU6, in [0, 6]: first the filters for crops, then those for tones. Last, the
        brightest and darkest values of each channel, in the whole image and as means over blocks of
        8 × 8 pixels. H and W are at least 96; no parameter is trained.
        """
        responses, smaller = [], image
        for stride in (2, 2, 1, 1):
            responses.append(F.conv2d(smaller, self.differences, stride=stride))
            smaller = F.avg_pool2d(smaller, 2)
        responses.append(F.conv2d(smaller, self.tones, self.offsets))
        responses.append(F.conv2d(image, self.cosines, stride=BLOCK))
        responses.append(F.conv2d(image, self.borders, stride=BLOCK, padding=1))
        responses.append(F.conv2d(image, self.whole_tones, self.whole_offsets))
        statistics = [F.relu6(one).mean((2, 3), keepdim=True) for one in responses]
        of_blocks = F.max_pool2d(F.conv2d(image, self.extremes, self.extreme_offsets), BLOCK)
        statistics += [of_blocks.amax((2, 3), keepdim=True), of_blocks.mean((2, 3), keepdim=True)]
        return torch.cat(statistics, dim=1)

    def numbers(self, statistics: Tensor) -> Tensor:
        """Return (N, outputs) from statistics (N, n, 1, 1); only these layers are trained.

        Estimates, then as many uncertainties, in the order and scaling of
        `edge_imgq.models.measures`: those of crops precede those of the whole, among the
        uncertainties as well. Unbounded.
        """
        standardised = (statistics - self.middle) * self.scale
        crop = F.relu(self.second(F.relu(self.first(standardised[:, : self.of_crop]))))
        whole = F.relu(self.whole_first(standardised[:, self.of_crop :]))
        values = [self.values(crop), self.whole_values(whole)]
        spreads = [self.spreads(crop), self.whole_spreads(whole)]
        return torch.cat(values + spreads, dim=1).flatten(1)

    @torch.no_grad()
    def standardise(self, batch: Tensor) -> None:
        """Set, in place, the mean and deviation by which `numbers` standardises its input.

        `batch` has statistics (N, n, 1, 1) with N at least 2. 0.3 (MIN_LOG_DEVIATION) is added to
        each deviation, so that means that hardly vary, which int8 resolves to 6 / 255, are not
        amplified much.
        """
        self.middle.copy_(batch.mean(0, keepdim=True))
        self.scale.copy_(1.0 / (batch.std(0, keepdim=True) + MIN_LOG_DEVIATION))


def difference_filters() -> Tensor:
    """Return filters that compute differences of neighbouring pixels, of luma and of colour.

    float32 (2 · 11 · len(STEPS), 3, 3, 3), in the order difference, step, sign. On RGB in [0, 1], a
    response reaches 6 (CAP) where the difference is its step of STEPS, in 8-bit levels.
    """
    planes = [_in_colour(kernel, LUMA) for kernel in DIFFERENCES]
    planes += [_in_colour(DIAGONAL, RED_GREEN), _in_colour(DIAGONAL, BLUE_GREEN)]
    return torch.stack(_both_ways(planes, STEPS))


def tone_filters(
    channels: Sequence[tuple[float, float, float]],
    tones: Sequence[float],
    colour_steps: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """Return 1×1 filters and offsets that measure distances from black and white, and colour.

    Filters are float32 (n, 3, 1, 1), offsets (n,), with n = 2 · (len(channels) · len(tones) + 2 ·
    len(colour_steps)): first tones by channel, then steps of red − green and of blue − green, each
    with both signs. On RGB in [0, 1], a response is 0 at no distance and grows to 6 (CAP) at the
    given number of 8-bit levels.

    Args:
        channels: weights of red, green and blue in each channel; they sum to 1.
        tones: 8-bit levels above black, and below white.
        colour_steps: 8-bit levels of a colour difference.
    """
    planes = [_in_colour(((1.0,),), shares) for shares in channels]
    filters = _both_ways(planes, tones)
    # What lies below white is white less the channel.
    offsets = [white * CAP * 255.0 / tone for _ in planes for tone in tones for white in (0, 1)]
    colours = [_in_colour(((1.0,),), pair) for pair in (RED_GREEN, BLUE_GREEN)]
    filters += _both_ways(colours, colour_steps)
    return torch.stack(filters), torch.tensor(offsets + [0.0] * (len(filters) - len(offsets)))


def cosine_filters() -> Tensor:
    """Return filters that compute coefficients of JPEG's 8×8 cosine transform of luma.

    float32 (2 · len(FREQUENCIES) · len(COSINE_STEPS), 3, 8, 8), in the order frequency, step, sign.
    The cosines are orthonormal. On RGB in [0, 1], a response reaches 6 (CAP) where the coefficient
    is its step of COSINE_STEPS, in 8-bit levels.
    """
    phase = (torch.arange(BLOCK) + 0.5) * torch.pi / BLOCK
    waves = [torch.cos(phase * k) * (0.5 if k else 0.125**0.5) for k in range(BLOCK)]
    planes = [torch.outer(waves[down], waves[across]) for down, across in FREQUENCIES]
    return torch.stack(_both_ways([_in_colour(plane, LUMA) for plane in planes], COSINE_STEPS))


def border_filters() -> Tensor:
    """Return filters that find JPEG block borders: mean steps of luma from one pixel to the next.

    float32 (2 · 2 · BLOCK · len(BORDER_STEPS), 3, 9, 9), in the order position in the block (each
    along rows, then along columns), BORDER_STEPS, sign. Filters begin one pixel above and left of
    the block. On RGB in [0, 1] a response reaches 6 (CAP) at its step of BORDER_STEPS, in levels of
    255.
    """
    planes = []
    for column in range(BLOCK):
        plane = torch.zeros(BLOCK + 1, BLOCK + 1)
        plane[1:, column], plane[1:, column + 1] = -1.0 / BLOCK, 1.0 / BLOCK
        planes += [plane, plane.T]
    return torch.stack(_both_ways([_in_colour(plane, LUMA) for plane in planes], BORDER_STEPS))


def _in_colour(kernel: object, colours: tuple[float, float, float]) -> Tensor:
    plane = torch.as_tensor(kernel, dtype=torch.float32)
    return torch.stack([plane * share for share in colours])


def _both_ways(filters: list[Tensor], steps: Sequence[float]) -> list[Tensor]:
    """Return the filters with both signs, scaled to reach CAP at each level."""
    return [
        one * (sign * CAP * 255.0 / step)
        for one, step, sign in itertools.product(filters, steps, (1, -1))
    ]
