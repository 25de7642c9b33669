"""Every family of networks that tests convert and benchmarks compare, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import nn

from . import (
    attention,
    clearing,
    colour,
    denoising,
    generation,
    light,
    restoration,
    super_resolution,
    upscaling,
    windows,
)


@dataclass(frozen=True)
class Entry:
    """A family.

    Attributes:
        build: makes the network, small.
        channels: of its images.
        scale: of its output.
        phone: what `build` takes for a network as wide as those for phones.
        size: height and width at which benchmarks compare it; None where they do not.
    """

    build: Callable[..., nn.Module]
    channels: int = 3
    scale: int = 1
    phone: Mapping[str, int] = field(default_factory=dict)
    size: tuple[int, int] | None = None


WIDE = {"width": 16}
SMALL, LARGE, VIDEO = (96, 128), (128, 192), (180, 320)

PUBLISHED: dict[str, Entry] = {
    "srcnn": Entry(super_resolution.Srcnn, 1, 1, {"width": 64}, (120, 160)),
    "vdsr": Entry(super_resolution.Vdsr, 1, 1, {"width": 32}, SMALL),
    "drcn": Entry(super_resolution.Drcn, 1, 1, {"width": 32}, SMALL),
    "srdensenet": Entry(super_resolution.SrDenseNet, 1, 4, WIDE, (64, 96)),
    "srresnet": Entry(super_resolution.SrResNet, 3, 4, {"width": 32}, (64, 96)),
    "espcn": Entry(super_resolution.Espcn, 1, 3, {"width": 64}, (120, 160)),
    "abpn": Entry(super_resolution.Abpn, 3, 3, {"width": 28}, VIDEO),
    "abpn-concat": Entry(super_resolution.AbpnByConcat, 3, 3, {"width": 28}, VIDEO),
    "abpn-repeat": Entry(super_resolution.AbpnByRepeat, 3, 3),
    "sesr": Entry(super_resolution.Sesr, 1, 2, {}, VIDEO),
    "nafnet": Entry(restoration.NafNet, phone=WIDE, size=SMALL),
    "nafnet-permuting": Entry(restoration.NafNetPermuting, phone=WIDE, size=SMALL),
    "jpeg": Entry(restoration.JpegNet, phone={"width": 32}, size=SMALL),
    "dncnn": Entry(restoration.DnCnn, 1, 1, {"layers": 17, "width": 32}, SMALL),
    "deepdeblur": Entry(restoration.DeepDeblur, phone=WIDE, size=LARGE),
    "deblurgan": Entry(restoration.DeblurGan, phone=WIDE, size=LARGE),
    "style-transfer": Entry(generation.StyleTransfer, phone=WIDE, size=LARGE),
    "dcgan": Entry(generation.DcGan, phone=WIDE, size=LARGE),
    "vae": Entry(generation.VaeDecoder, phone=WIDE, size=LARGE),
    "squeeze-excite": Entry(restoration.SqueezedAttention, size=LARGE),
    "zero-dce": Entry(attention.ZeroDce),
}
"""Families that every test of whole networks takes, with open height and width."""

ATTENDING: dict[str, Entry] = {
    "cbam": Entry(attention.Cbam, 3, 2),
    "restormer": Entry(attention.Restormer),
    "selective-kernels": Entry(attention.SelectiveKernels),
}
"""Families that attend, which need to know their size."""

OTHERS: dict[str, Entry] = {
    "rrdb": Entry(light.Rrdb, 3, 2),
    "srvgg-compact": Entry(light.SrVggCompact, 3, 4),
    "edsr": Entry(light.Edsr, 3, 2),
    "rcan": Entry(light.Rcan, 3, 2),
    "imdn": Entry(light.Imdn, 3, 2),
    "rfdn": Entry(light.Rfdn, 3, 2),
    "carn": Entry(light.Carn, 3, 3),
    "pan": Entry(light.Pan, 3, 2),
    "ecbsr": Entry(light.Ecbsr, 3, 2),
    "quicksrnet": Entry(light.QuickSr, 3, 2),
    "xlsr": Entry(light.Xlsr, 3, 3),
    "cyclegan": Entry(colour.CycleGan),
    "animegan": Entry(colour.AnimeGan),
    "white-box": Entry(colour.WhiteBox),
    "enlightengan": Entry(colour.EnlightenGan),
    "colorization": Entry(colour.Colorization),
    "u2net": Entry(colour.U2Net),
    "retinex": Entry(colour.Retinex),
    "ffdnet": Entry(denoising.FfdNet),
    "hinet": Entry(denoising.HiNet),
    "mprnet": Entry(denoising.MprNet),
    "fastdvdnet": Entry(denoising.FastDvd),
    "mobileone": Entry(denoising.MobileOne),
    "swinir": Entry(denoising.SwinIr, 3, 2),
    "scunet": Entry(denoising.ScuNet),
    "convnext": Entry(denoising.ConvNeXt),
}
"""Families that a stranger would try, which one test takes to every target."""

FURTHER: dict[str, Entry] = {
    "lapsrn": Entry(upscaling.LapSrn, 3, 4),
    "rlfn": Entry(upscaling.Rlfn, 3, 2),
    "span": Entry(upscaling.Span, 3, 2),
    "bsrn": Entry(upscaling.Bsrn, 3, 2),
    "shuffle-mixer": Entry(upscaling.ShuffleMixer, 3, 2),
    "vapsr": Entry(upscaling.VapSr, 3, 2),
    "dbpn": Entry(upscaling.Dbpn, 3, 2),
    "rdn": Entry(upscaling.Rdn, 3, 2),
    "san": Entry(upscaling.San, 3, 2),
    "waifu2x": Entry(upscaling.Waifu, 3, 2),
    "real-cugan": Entry(upscaling.CuGan, 3, 2),
    "dehazenet": Entry(clearing.DehazeNet),
    "aod-net": Entry(clearing.AodNet),
    "ffa-net": Entry(clearing.FfaNet),
    "grid-dehaze": Entry(clearing.GridDehaze),
    "gca-net": Entry(clearing.GcaNet),
    "zero-dce++": Entry(clearing.ZeroDcePlus),
    "csrnet": Entry(clearing.CsrNet),
    "hdrnet-slicing": Entry(clearing.HdrNet),
    "luma": Entry(clearing.LumaNet),
    "arcnn": Entry(clearing.ArCnn),
    "fbcnn": Entry(clearing.FbCnn),
    "mwcnn": Entry(clearing.MwCnn),
    "kernel-prediction": Entry(clearing.KernelPrediction),
    "mimo-unet": Entry(clearing.Mimo),
    "guided-filter": Entry(clearing.GuidedFilter),
    "swinir-masked": Entry(windows.SwinMasked, 3, 2),
    "non-local": Entry(windows.NonLocal),
    "hat": Entry(windows.Overlapping),
    "linear-attention": Entry(windows.Linear),
    "edgenext": Entry(windows.EdgeNeXt),
    "uformer": Entry(windows.Uformer),
    "coordinate-attention": Entry(windows.Coordinates),
    "deoldify": Entry(colour.DeOldify),
    "conv-lstm": Entry(denoising.ConvLstm),
}
"""More of them; apart, so that each family keeps the opset that it was first exported at."""

LATER: dict[str, Entry] = {
    "elan": Entry(windows.Elan, 3, 2),
    "large-kernels": Entry(light.LargeKernels),
    "antialiased": Entry(light.Antialiased),
}
"""More again."""
