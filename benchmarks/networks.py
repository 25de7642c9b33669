"""The networks that converters and quantizers are compared on.

The zoo has trained weights. The others are the published families as `tests/families` builds them,
in the widths of networks for phones and with weights that keep variances: nobody trained them, so
their images mean nothing, but time and rounding are those of a real network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from edge_imgq.contract import ImageContract
from edge_imgq.models.zoo import load_network, zoo_entry
from tests.families.convert import trained_like
from tests.families.table import PUBLISHED, Entry

if TYPE_CHECKING:
    from torch import nn

SEED = 4


@dataclass(frozen=True)
class BenchmarkNetwork:
    """A network and the size of image that it is compared at.

    Attributes:
        build: makes it; weights of a family are set afterwards.
        contract: the meaning of its pixels.
        size: height and width of the input.
        is_trained: whether `build` gives it weights.
        weights: the file that they come from; None where they come from the package.
    """

    build: Callable[[], nn.Module]
    contract: ImageContract
    size: tuple[int, int]
    is_trained: bool = False
    weights: Path | None = None

    def with_weights(self, image: torch.Tensor) -> nn.Module:
        """Return the network in evaluation mode.

        Args:
            image: float32 (1, C, H, W) in [0, 1], which a family's output is scaled by.
        """
        torch.manual_seed(SEED)
        network = self.build()
        network = network if self.is_trained else trained_like(network, image)
        return network.eval().requires_grad_(False)


def _zoo(name: str, size: tuple[int, int]) -> BenchmarkNetwork:
    entry = zoo_entry(name)
    contract = ImageContract(entry.task, entry.scale, entry.colour, multiple=entry.multiple)
    return BenchmarkNetwork(partial(load_network, name), contract, size, is_trained=True)


def _family(entry: Entry, size: tuple[int, int]) -> BenchmarkNetwork:
    task = "super-resolution" if entry.scale > 1 else "image-to-image"
    gray = entry.channels == 1
    multiple = 1 if gray or entry.scale > 1 else 4
    contract = ImageContract(task, entry.scale, "y" if gray else "rgb", multiple=multiple)
    return BenchmarkNetwork(partial(entry.build, **entry.phone), contract, size)


NETWORKS: dict[str, BenchmarkNetwork] = {
    "fsrcnn-x2": _zoo("fsrcnn-x2", (180, 320)),
    "dped-slim": _zoo("dped-slim", (180, 320)),
    "deblur-slim": _zoo("deblur-slim", (180, 320)),
    "abpn-x2": _zoo("abpn-x2", (180, 320)),
    "espcn-x2": _zoo("espcn-x2", (180, 320)),
    "jpeg-slim": _zoo("jpeg-slim", (180, 320)),
    "denoise-slim": _zoo("denoise-slim", (180, 320)),
    **{
        name: _family(entry, entry.size)
        for name, entry in PUBLISHED.items()
        if entry.size is not None
    },
}
"""Name → network; the zoo first."""
