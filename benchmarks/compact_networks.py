"""Compact networks of the kinds that people ship, which `brief_training.py` gives weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from edge_imgq.contract import Colour, ImageContract
from tests.families import compact
from tests.families.attention import Restormer
from tests.families.light import Carn, Edsr
from tests.families.restoration import DnCnn, NafNet
from tests.families.upscaling import LapSrn


@dataclass(frozen=True)
class Compact:
    """A network to train.

    Attributes:
        build: makes it.
        task: what it learns, as in a contract.
        scale: of its output.
        colour: of its images.
    """

    build: Callable[[], nn.Module]
    task: str = "super-resolution"
    scale: int = 4
    colour: Colour = "rgb"

    @property
    def contract(self) -> ImageContract:
        """The meaning of its pixels."""
        return ImageContract(self.task, self.scale, self.colour, multiple=8)


COMPACT: dict[str, Compact] = {
    "span": Compact(partial(compact.Joined, compact.SpanBlock, 24)),
    "safmn": Compact(partial(compact.Trunk, compact.safmn_block, 24)),
    "smfanet": Compact(partial(compact.Trunk, compact.smfa_block, 24)),
    "seemore": Compact(partial(compact.Trunk, compact.seemore_block, 24)),
    "rlfn": Compact(partial(compact.Trunk, compact.RlfnBlock, 24)),
    "vapsr": Compact(partial(compact.Trunk, compact.VapBlock, 24)),
    "hfenet": Compact(partial(compact.Trunk, compact.HighFrequencyBlock, 24)),
    "amcanet": Compact(partial(compact.Trunk, compact.AsymmetricAttention, 24)),
    "efdn": Compact(partial(compact.Trunk, compact.DistilledBlock, 24)),
    "plksr": Compact(partial(compact.Trunk, compact.LargeKernelBlock, 24)),
    "starnet": Compact(partial(compact.Trunk, compact.StarBlock, 24)),
    "plain-concat": Compact(partial(compact.Joined, compact.plain_block, 24)),
    "carn": Compact(partial(Carn, width=24), scale=3),
    "lapsrn": Compact(partial(LapSrn, width=24)),
    "edsr": Compact(partial(Edsr, width=24), scale=2),
    "nafnet": Compact(partial(NafNet, width=16), "denoise", 1),
    "restormer": Compact(partial(Restormer, width=16), "denoise", 1),
    "dncnn": Compact(partial(DnCnn, width=32), "denoise", 1, "y"),
}
"""Name → network."""
