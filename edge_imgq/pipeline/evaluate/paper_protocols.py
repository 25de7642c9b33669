"""Define the evaluation protocol of each task's papers: conditions, baselines and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
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
from edge_imgq.scale import Scale, as_scale
from edge_imgq.wording import no_such

FINEST = 64
"""Largest denominator of a scale that a level stands for."""

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

Baseline = Callable[["Pixels", float], "Pixels"]
"""Function from a network's input and the degradation level to an image of the truth's size."""


@dataclass(frozen=True)
class Protocol:
    """Evaluation protocol of a task.

    Attributes:
        levels: default strengths of the degradation: JPEG quality, or standard deviation of the
            noise in levels of 255; for super-resolution, the scale; 0 where there is one strength.
        condition: format string that names a level.
        degrade: function from a level to its degradation.
        baselines: methods to compare with; the first is the unprocessed input or its upscaling.
        compared: description of the metrics.
        made: description of how images were degraded; "" for none.
        by_level: further baselines, which need to know the level.
        on_luma: True if RGB images are compared on luma only.
        blocks: True if PSNR-B is measured.
        says_noise: True if a level is the standard deviation of the noise, in levels of 255.
        enlarges: True for super-resolution.
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


UNKNOWN = "image-to-image"
"""Task of a user's model that keeps the size of its image, in `ImageContract.task`."""


def protocol_of(task: str, scale: Scale) -> Protocol:
    """Return the protocol of a task, as its papers measure it.

    Args:
        task: "super-resolution", "jpeg", "denoise", "deblur" or "photo-enhancement".
        scale: output size / input size; only super-resolution uses it.

    Raises:
        UsageError: the task is not known ("image-to-image"), or there is no such task.
    """
    table = {
        "super-resolution": _super_resolution(scale),
        "jpeg": JPEG,
        "denoise": DENOISE,
        "deblur": DEBLUR,
        "photo-enhancement": ENHANCEMENT,
    }
    if task == UNKNOWN:
        raise UsageError(
            "The file does not say what the network is for, nor how to judge it: add --task "
            f"with one of {', '.join(table)}."
        )
    if task not in table:
        raise UsageError(no_such("task", task, list(table)))
    return table[task]


def of_pairs(protocol: Protocol, levels: tuple[float, ...]) -> Protocol:
    """Return the protocol for pairs of files, which are degraded already at an unstated level.

    Args:
        protocol: protocol of the task; it is not changed.
        levels: level of the pairs, or empty; baselines that need it are then left out.

    Raises:
        UsageError: several levels are given, or no baseline needs one.
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
    """Denoise uint8 gray (H, W, 1) or RGB (H, W, 3) by non-local means with known noise level.

    Buades, Coll and Morel, CVPR 2005. Patches of 5x5, a window of 13x13 and h = 0.6 sigma, the best
    on BSD68. `sigma` is in levels of 255. The result has the same shape, uint8, rounded and
    clipped.
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


def _super_resolution(scale: Scale) -> Protocol:
    return Protocol(
        levels=(float(scale),),
        condition="×{:.3g}",
        degrade=lambda level: BicubicDownscale(_scale(level)),
        baselines={"bicubic": lambda pixels, level: upscale(pixels, _scale(level))},
        compared="PSNR and SSIM on Y of BT.601, as many pixels shaved off as the scale.",
        on_luma=True,
        enlarges=True,
    )


def _scale(level: float) -> Scale:
    """Return the scale that a level stands for."""
    return as_scale(Fraction(level).limit_denominator(FINEST))


def _unchanged(pixels: Pixels, level: float) -> Pixels:  # noqa: ARG001 - a baseline takes both
    return pixels


JPEG = Protocol(
    levels=(10.0, 20.0, 40.0),
    condition="quality {:.0f}",
    degrade=lambda level: JpegCompression((round(level), round(level))),
    baselines={"JPEG": _unchanged},
    compared="Luma networks: PSNR, SSIM and PSNR-B on gray images. RGB networks: PSNR and SSIM in "
    "colour. Nothing is shaved off.",
    made="Compressed here.",
    blocks=True,
)
DENOISE = Protocol(
    levels=(15.0, 25.0, 50.0),
    condition="sigma {:.0f}",
    degrade=lambda level: GaussianNoise((level, level)),
    baselines={"noisy": _unchanged},
    by_level={"non-local means": non_local_means},
    compared="PSNR and SSIM: of luma networks on gray images, of RGB networks in colour. The input "
    "has 8 bits.",
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
