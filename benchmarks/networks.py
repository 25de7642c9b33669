"""The networks that converters and quantizers are compared on.

The zoo has trained weights. The others are the published families as `tests/families` builds them,
in the widths of networks for phones and with weights that keep variances: nobody trained them, so
their images mean nothing, but time and rounding are those of a real network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from edge_imgq.contract import ImageContract
from edge_imgq.models.zoo import load_network, zoo_entry
from tests.families.convert import trained_like
from tests.families.generation import DcGan, StyleTransfer, VaeDecoder
from tests.families.restoration import (
    DeblurGan,
    DeepDeblur,
    DnCnn,
    JpegNet,
    NafNet,
    NafNetPermuting,
    SqueezedAttention,
)
from tests.families.super_resolution import (
    Abpn,
    AbpnByConcat,
    Drcn,
    Espcn,
    Sesr,
    Srcnn,
    SrDenseNet,
    SrResNet,
    Vdsr,
)

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
    """

    build: Callable[[], nn.Module]
    contract: ImageContract
    size: tuple[int, int]
    is_trained: bool = False

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


def _gray(build: Callable[[], nn.Module], height: int, width: int, scale: int) -> BenchmarkNetwork:
    task = "super-resolution" if scale > 1 else "image-to-image"
    return BenchmarkNetwork(build, ImageContract(task, scale, "y"), (height, width))


def _rgb(
    build: Callable[[], nn.Module], height: int, width: int, scale: int = 1
) -> BenchmarkNetwork:
    task = "super-resolution" if scale > 1 else "image-to-image"
    contract = ImageContract(task, scale, "rgb", multiple=1 if scale > 1 else 4)
    return BenchmarkNetwork(build, contract, (height, width))


NETWORKS: dict[str, BenchmarkNetwork] = {
    "fsrcnn-x2": _zoo("fsrcnn-x2", (180, 320)),
    "dped-slim": _zoo("dped-slim", (180, 320)),
    "deblur-slim": _zoo("deblur-slim", (180, 320)),
    "abpn-x2": _zoo("abpn-x2", (180, 320)),
    "jpeg-slim": _zoo("jpeg-slim", (180, 320)),
    "denoise-slim": _zoo("denoise-slim", (180, 320)),
    "srcnn": _gray(partial(Srcnn, 64), 120, 160, 1),
    "vdsr": _gray(partial(Vdsr, width=32), 96, 128, 1),
    "drcn": _gray(partial(Drcn, width=32), 96, 128, 1),
    "srdensenet": _gray(partial(SrDenseNet, width=16), 64, 96, 4),
    "srresnet": _rgb(partial(SrResNet, width=32), 64, 96, 4),
    "espcn": _gray(partial(Espcn, 64), 120, 160, 3),
    "abpn": _rgb(partial(Abpn, width=28), 180, 320, 3),
    "abpn-concat": _rgb(partial(AbpnByConcat, width=28), 180, 320, 3),
    "sesr": _gray(Sesr, 180, 320, 2),
    "nafnet": _rgb(partial(NafNet, width=16), 96, 128),
    "nafnet-permuting": _rgb(partial(NafNetPermuting, width=16), 96, 128),
    "jpeg": _rgb(partial(JpegNet, width=32), 96, 128),
    "dncnn": _gray(partial(DnCnn, layers=17, width=32), 96, 128, 1),
    "deepdeblur": _rgb(partial(DeepDeblur, width=16), 128, 192),
    "deblurgan": _rgb(partial(DeblurGan, width=16), 128, 192),
    "style-transfer": _rgb(partial(StyleTransfer, width=16), 128, 192),
    "dcgan": _rgb(partial(DcGan, width=16), 128, 192),
    "vae": _rgb(partial(VaeDecoder, width=16), 128, 192),
    "squeeze-excite": _rgb(SqueezedAttention, 128, 192),
}
"""Name → network; the zoo first."""
