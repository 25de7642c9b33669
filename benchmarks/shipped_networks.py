"""Enhancement networks that people ship, small, with every input that they take.

The first table has those that `docs/own-model.md` lists, the second twelve others. Structures are
those of the papers with few blocks and channels; weights are random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from tests.families import attention, compact, light, restoration
from tests.families import shipped_restoration as restoring
from tests.families import shipped_toning as toning

SIDES = (48, 64)


@dataclass(frozen=True)
class Shipped:
    """A network and its ports.

    Attributes:
        build: makes it.
        image: channels of the image; 4 for the planes of a RAW mosaic.
        others: channels and kind of each further input: "plane" or "vector"; by name.
        ports: options of `export` for inputs, such as "noise=plane:0..75/255".
        outputs: names of the outputs.
    """

    build: Callable[[], nn.Module]
    image: int = 3
    others: tuple[tuple[str, int, str], ...] = ()
    ports: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("result",)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return ("image", *(name for name, _, _ in self.others))

    def example(self) -> tuple[Tensor, ...]:
        """Return tensors to trace the network with."""
        torch.manual_seed(1)
        further = (
            torch.rand(1, channels, *SIDES) / 8 if kind == "plane" else torch.rand(1, channels)
            for _, channels, kind in self.others
        )
        return (torch.rand(1, self.image, *SIDES), *further)


def _trunk(block: Callable[[int], nn.Module]) -> Callable[[], nn.Module]:
    return partial(compact.Trunk, block, 16, 2)


NOISE = (("noise", 1, "plane"),)
LEVELS = ("noise=plane:0..75/255",)

NAMED: dict[str, Shipped] = {
    "SRVGG (Real-ESRGAN)": Shipped(light.SrVggCompact),
    "SPAN": Shipped(partial(compact.Joined, compact.SpanBlock, 24)),
    "NAFNet": Shipped(restoration.NafNet),
    "EDSR": Shipped(restoring.Edsr),
    "ETDS": Shipped(restoring.Etds),
    "SMFANet": Shipped(_trunk(compact.smfa_block)),
    "SeemoRe": Shipped(_trunk(compact.seemore_block)),
    "PLKSR": Shipped(_trunk(restoring.PartialLargeKernel)),
    "LiteDenoiseNet": Shipped(restoring.LiteDenoise),
    "FFDNet": Shipped(restoring.FfdNet, others=NOISE, ports=LEVELS),
    "DRUNet": Shipped(restoring.DruNet, others=NOISE, ports=LEVELS),
    "Zero-DCE": Shipped(attention.ZeroDce),
    "U-net, skip resizes": Shipped(restoring.ResizingUnet),
    "3D LUT": Shipped(toning.LookUp),
    "learned ISP": Shipped(toning.LearnedIsp, image=4, ports=("image=raw",)),
}
"""Title → network."""

FURTHER: dict[str, Shipped] = {
    "CBDNet": Shipped(restoring.CbdNet),
    "MIRNet": Shipped(restoring.MirNet),
    "DRLN": Shipped(restoring.Drln),
    "CAMixer": Shipped(restoring.CaMixer),
    "MobileSR": Shipped(restoring.MobileSr),
    "KBNet": Shipped(restoring.KernelBasis),
    "SCI": Shipped(toning.SelfCalibrated),
    "RUAS": Shipped(toning.Ruas),
    "IAT": Shipped(toning.Iat),
    "bilateral grid": Shipped(toning.BilateralGrid),
    "FastDVDnet": Shipped(restoring.FastDvd, image=15, others=NOISE, ports=LEVELS),
    "BasicVSR": Shipped(
        restoring.Recurrent, others=(("state", 16, "plane"),), outputs=("result", "state_out")
    ),
}
"""Title → network."""
