"""How the papers of each task judge a network: conditions, baselines and what is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import UsageError
from edge_imgq.images.blur import MotionBlur
from edge_imgq.images.colour import to_pixels
from edge_imgq.images.degrade import BicubicDownscale, Degradation
from edge_imgq.images.jpeg import JpegCompression
from edge_imgq.images.noise import GaussianNoise
from edge_imgq.images.phone import PhoneCamera
from edge_imgq.images.resize import upscale

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

Baseline = Callable[["Pixels", float], "Pixels"]
"""Makes an image of truth size from a network's input and the level of its degradation."""


@dataclass(frozen=True)
class Protocol:
    """How a task is judged.

    Attributes:
        levels: strengths of the degradation that are judged unless others are asked for.
        condition: words for a level, as a format string.
        degrade: makes the degradation of a level.
        baselines: what a network is compared with; the first is the input itself, or what stands
            for it.
        compared: what is measured, in words.
        made: how the degraded images were made, in words; "" where there is nothing to say.
        by_level: more baselines, which need to know the level.
        on_luma: whether an RGB image is judged by its luma alone.
        blocks: whether PSNR-B is measured.
        says_noise: whether a level is the standard deviation of noise, and is known.
        enlarges: whether the network's image is larger than what it gets.
    """

    levels: tuple[float, ...]
    condition: str
    degrade: Callable[[float], Degradation]
    baselines: dict[str, Baseline]
    compared: str
    made: str = ""
    by_level: Mapping[str, Baseline] = field(default_factory=dict)
    on_luma: bool = False
    blocks: bool = False
    says_noise: bool = False
    enlarges: bool = False


def protocol_of(task: str, scale: int) -> Protocol:
    """Return how a task is judged.

    Raises:
        UsageError: nothing is known of the task.
    """
    table = {
        "super-resolution": _super_resolution(scale),
        "jpeg": JPEG,
        "denoise": DENOISE,
        "deblur": DEBLUR,
        "photo-enhancement": ENHANCEMENT,
    }
    if task not in table:
        raise UsageError(
            f"Nothing is known of how to judge {task!r}; say --task with one of {', '.join(table)}."
        )
    return table[task]


def of_pairs(protocol: Protocol, levels: tuple[float, ...]) -> Protocol:
    """Return how pairs are judged: they are degraded already, and do not say how strongly.

    Args:
        protocol: of their task.
        levels: what the person knows of their strength: one, or none. Without it, what needs it is
            left out.

    Raises:
        UsageError: there are several, or nothing needs one.
    """
    if len(levels) > 1:
        raise UsageError("Pairs are degraded already, by one strength: give --level once.")
    if levels and not protocol.by_level:
        raise UsageError(
            "Pairs are degraded already, and nothing that this task is compared with needs to "
            "know how strongly: leave --level out."
        )
    pairs = replace(protocol, levels=protocol.levels[:1], condition="pairs", made="")
    names = " and ".join(protocol.by_level)
    if not names:
        return pairs
    if levels:
        return replace(pairs, levels=levels, made=f"Pairs: {names} gets sigma {levels[0]:g}.")
    left_out = f"Pairs: {names} is left out, as their sigma is not known (--level gives it)."
    return replace(pairs, by_level={}, made=left_out, says_noise=False)


def non_local_means(pixels: Pixels, sigma: float) -> Pixels:
    """Denoise gray (H, W, 1) or RGB by Buades, Coll and Morel, CVPR 2005.

    The noise's level is known.
    Patches of 5x5 in a window of 13x13 and a strength of 0.6 sigma, which did best on BSD68.
    """
    from skimage.restoration import denoise_nl_means

    deviation = sigma / 255.0
    gray = pixels.shape[2] == 1
    restored = denoise_nl_means(
        (pixels[..., 0] if gray else pixels) / 255.0,
        patch_size=5,
        patch_distance=6,
        h=0.6 * deviation,
        sigma=deviation,
        fast_mode=True,
        channel_axis=None if gray else -1,
    )
    return to_pixels((restored[..., None] if gray else restored) * 255.0)


def _super_resolution(scale: int) -> Protocol:
    return Protocol(
        levels=(float(scale),),
        condition="×{:.0f}",
        degrade=lambda level: BicubicDownscale(round(level)),
        baselines={"bicubic": lambda pixels, level: upscale(pixels, round(level))},
        compared="PSNR and SSIM on Y of BT.601, as many pixels shaved off as the scale.",
        on_luma=True,
        enlarges=True,
    )


def _unchanged(pixels: Pixels, level: float) -> Pixels:  # noqa: ARG001 - a baseline takes both
    return pixels


JPEG = Protocol(
    levels=(10.0, 20.0, 40.0),
    condition="quality {:.0f}",
    degrade=lambda level: JpegCompression((round(level), round(level))),
    baselines={"JPEG": _unchanged},
    compared="PSNR, SSIM and PSNR-B on gray (RGB for RGB networks, without PSNR-B), nothing shaved "
    "off.",
    made="Compressed here.",
    blocks=True,
)
DENOISE = Protocol(
    levels=(15.0, 25.0, 50.0),
    condition="sigma {:.0f}",
    degrade=lambda level: GaussianNoise((level, level)),
    baselines={"noisy": _unchanged},
    by_level={"non-local means": non_local_means},
    compared="PSNR and SSIM on gray (RGB for RGB networks), input in 8 bits.",
    made="Noise seeded by the image's name.",
    says_noise=True,
)
DEBLUR = Protocol(
    levels=(0.0,),
    condition="blurred",
    degrade=lambda level: MotionBlur(),  # noqa: ARG005 - there is one strength
    baselines={"input": _unchanged},
    compared="PSNR and SSIM on RGB.",
)
ENHANCEMENT = Protocol(
    levels=(0.0,),
    condition="phone",
    degrade=lambda level: PhoneCamera(),  # noqa: ARG005 - there is one strength
    baselines={"input": _unchanged},
    compared="PSNR and SSIM on RGB.",
)
