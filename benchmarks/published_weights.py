"""Networks whose weights their authors published, built from files of state dictionaries.

The files are not part of this project: `--weights` of `int8_networks.py` names a folder with those
of ECNUSR/ETDS (ETDS, FSRCNN, ESPCN and ABPN, enlarging three times) and Amazingren/NTIRE2026_ESR
(SPAN, four times), as safetensors.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, cat, nn
from torch.nn import functional as F

from tests.families.super_resolution import conv


class Abpn(nn.Module):
    """Du et al., 2021: plain layers, and each colour of the image repeated as an anchor."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 28, 28, 28, 28, 28, 27)
        layers = [
            part
            for one, other in itertools.pairwise(widths)
            for part in (conv(one, other), nn.ReLU())
        ]
        self.body = nn.Sequential(*layers, conv(27, 27))

    def forward(self, image: Tensor) -> Tensor:
        """Return the image enlarged three times."""
        return F.pixel_shuffle(self.body(image) + image.repeat_interleave(9, 1), 3)


class Etds(nn.Module):
    """Chao et al., 2023: plain layers whose weights carry the image through the trunk."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 16, 16, 16, 16, 16, 16, 28)
        pairs = itertools.pairwise(widths)
        self.layers = nn.ModuleList([*(conv(one, other) for one, other in pairs), conv(28, 28, 1)])

    def forward(self, image: Tensor) -> Tensor:
        """Return the image enlarged three times."""
        for layer in self.layers:
            image = F.relu(layer(image))
        return F.pixel_shuffle(image[:, :27], 3)


def fsrcnn() -> nn.Module:
    """Return Dong et al., 2016, on RGB: wide, narrow, wide, a transposed convolution."""
    inner = [part for _ in range(4) for part in (conv(12, 12), nn.PReLU(12))]
    return nn.Sequential(
        conv(3, 56, 5), nn.PReLU(56), conv(56, 12, 1), nn.PReLU(12), *inner,
        conv(12, 56, 1), nn.PReLU(56), nn.ConvTranspose2d(56, 3, 9, 3, 4, output_padding=2),
    )  # fmt: skip


def espcn() -> nn.Module:
    """Return Shi et al., 2016, on RGB: tanh, a pixel shuffle, sigmoid."""
    return nn.Sequential(
        conv(3, 64, 5), nn.Tanh(), conv(64, 32), nn.Tanh(), conv(32, 27), nn.PixelShuffle(3),
        nn.Sigmoid(),
    )  # fmt: skip


class Span(nn.Module):
    """Wan et al., 2024: six blocks of three layers, attention without weights of its own."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.entry = conv(3, 28)
        self.layers = nn.ModuleList(conv(28, 28) for _ in range(18))
        self.after, self.join, self.up = conv(28, 28), conv(112, 28, 1), conv(28, 48)
        self.register_buffer("mean", torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return the image enlarged four times."""
        first = hidden = self.entry((image - self.mean) * 255)
        results = []
        for block in range(6):
            one, two, three = self.layers[3 * block : 3 * block + 3]
            inner = F.silu(one(hidden))
            found = three(F.silu(two(inner)))
            hidden = (found + hidden) * (torch.sigmoid(found) - 0.5)
            results.append(hidden)
        joined = cat([first, self.after(hidden), results[0], inner], 1)
        return F.pixel_shuffle(self.up(self.join(joined)), 4)


@dataclass(frozen=True)
class Published:
    """A network and where its weights stand in a file.

    Attributes:
        build: makes it.
        layers: names in the file of what has weights, in the network's order.
        scale: of its output.
    """

    build: Callable[[], nn.Module]
    layers: tuple[str, ...]
    scale: int = 3

    def load(self, file: Path) -> nn.Module:
        """Return the network with the weights of a file."""
        network, state = self.build(), load_file(file)
        own = [module for module in network.modules() if hasattr(module, "weight")]
        for module, name in zip(own, self.layers, strict=True):
            given = {
                key.removeprefix(f"{name}."): state[key]
                for key in state
                if key.startswith(f"{name}.")
            }
            module.load_state_dict(given)
        return network


def _numbered(name: str, numbers: Sequence[object]) -> tuple[str, ...]:
    return tuple(f"{name}.{number}" for number in numbers)


PUBLISHED: dict[str, Published] = {
    "abpn-m4c28-x3": Published(Abpn, _numbered("backbone", (0, "2.0", "3.0", "4.0", "5.0", 6, 8))),
    "etds-m5c16-x3": Published(
        Etds, ("conv_first", *_numbered("backbone_convs", range(5)), "conv_last", "conv_clip")
    ),
    "fsrcnn-rgb-x3": Published(
        fsrcnn, (*_numbered("first_part", range(2)), *_numbered("mid_part", range(12)), "last_part")
    ),
    "espcn-tanh-rgb-x3": Published(espcn, ("conv1", "conv2", "conv3")),
    "span-28-x4": Published(
        Span,
        (
            "conv_1.eval_conv",
            *(f"block_{i}.c{j}_r.eval_conv" for i in range(1, 7) for j in range(1, 4)),
            "conv_2.eval_conv", "conv_cat", "upsampler.0",
        ),
        scale=4,
    ),
}  # fmt: skip
"""Name of the file without its suffix → network."""
