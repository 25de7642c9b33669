"""The architectures by name. This module imports torch, so it is imported lazily."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from edge_imgq.models.abpn import AnchorNet
from edge_imgq.models.assessor import DegradationNet
from edge_imgq.models.deblur import CoarseToFine, SlimDeblur
from edge_imgq.models.dped import DPED, SlimDPED
from edge_imgq.models.espcn import ESPCN
from edge_imgq.models.fsrcnn import FSRCNN
from edge_imgq.models.interpolated import SlimVDSR, srcnn, vdsr
from edge_imgq.models.noise_level import NoiseLevelUnet
from edge_imgq.models.residual import HalfResolutionResidual

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "fsrcnn": FSRCNN,
    "espcn": ESPCN,
    "srcnn": srcnn,
    "vdsr": vdsr,
    "vdsr-slim": SlimVDSR,
    "abpn": AnchorNet,
    "half-resolution": HalfResolutionResidual,
    "noise-level": NoiseLevelUnet,
    "dped": DPED,
    "dped-slim": SlimDPED,
    "deblur-slim": SlimDeblur,
    "deblur-coarse-to-fine": CoarseToFine,
    "degradation": DegradationNet,
}
