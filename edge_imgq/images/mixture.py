"""Random mixtures of degradations, labelled with the severity of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edge_imgq.images.blur import (
    DISPLAY_GAMMA,
    convolve,
    disc_kernel,
    gaussian_kernel,
    motion_kernel,
)
from edge_imgq.images.colour import to_pixels
from edge_imgq.images.jpeg import compress_jpeg
from edge_imgq.images.phone import PhoneCamera
from edge_imgq.images.resize import resize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

Degraded: TypeAlias = "tuple[Pixels, dict[str, float]]"
LINEAR = 0.6
"""Share of the photographs that are blurred in linear light; the rest are blurred as stored."""

SCENARIOS = {
    "clean": 0.2,
    "noise": 0.16,
    "jpeg": 0.16,
    "defocus": 0.08,
    "motion": 0.12,
    "upscaled": 0.08,
    "exposure": 0.04,
    "phone": 0.04,
    "mixture": 0.12,
}
"""Probability of each scenario; a mixture is two or three of the others."""

FAINT = 0.3
"""Probability of faint sensor grain, and of a high-quality JPEG, where they are not drawn
anyway."""


@dataclass(frozen=True)
class Severity:
    """Severity of each degradation of a photograph.

    Attributes:
        noise: standard deviation of white noise per channel, in levels of 255.
        jpeg_quality: quality of the Independent JPEG Group; 100 for none.
        blur: standard deviation of the blur kernel along its longer axis, in pixels.
        elongation: 1 - shorter axis / longer axis of the kernel: 0 for round, 1 for a line.
        upscaling: factor by which the photograph was enlarged.
        exposure: light lost (negative) or added, in stops.
    """

    noise: float = 0.0
    jpeg_quality: float = 100.0
    blur: float = 0.0
    elongation: float = 0.0
    upscaling: float = 1.0
    exposure: float = 0.0


def draw_scenario(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw the degradations of a photograph at random, in order of application.

    They are keys of PIECES; () for a clean photograph.
    """
    names = list(SCENARIOS)
    name = names[int(rng.choice(len(names), p=list(SCENARIOS.values())))]
    picked = {*pieces_of(name, rng)}
    if "noise" not in picked and rng.uniform() < FAINT:
        picked |= {"grain"}
    if "jpeg" not in picked and rng.uniform() < FAINT:
        picked |= {"stored"}
    return tuple(name for name in PIECES if name in picked)


def pieces_of(scenario: str, rng: np.random.Generator) -> tuple[str, ...]:
    """Return the degradations of a scenario in order of application; those of a mixture are random.

    `scenario` is a key of SCENARIOS; the result has keys of PIECES, none for "clean". `rng` is used
    for "mixture" only.
    """
    if scenario == "mixture":
        return mixture(rng)
    return () if scenario == "clean" else (scenario,)


def mixture(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw two or three degradations at random; return them in order of application.

    They are keys of PIECES, at most one of them a blur.
    """
    blur = ("defocus", "motion")[int(rng.integers(2))]
    others = [blur, "upscaled", "exposure", "noise", "jpeg"]
    count = 2 + int(rng.uniform() < 0.3)
    picked = {others[index] for index in rng.choice(len(others), count, replace=False)}
    return tuple(name for name in PIECES if name in picked)


def degrade(
    pixels: Pixels, names: tuple[str, ...], rng: np.random.Generator
) -> tuple[Pixels, Severity]:
    """Degrade RGB or gray uint8 (H, W, C) by the degradations `names`, in the order given.

    `names` are keys of PIECES; `rng` draws their parameters. Exposure is measured: the log2 of the
    ratio of mean linear light.

    Returns:
        The degraded photograph, uint8 (H, W, C), always RGB after "phone"; and the severities, with
        defaults for what was not applied.

    Raises:
        KeyError: a name is no key of PIECES.
    """
    known: dict[str, float] = {}
    before = pixels
    for name in names:
        pixels, severity = PIECES[name](pixels, rng)
        known |= severity
    if "exposure" in names or "phone" in names:
        known["exposure"] = float(np.log2(_mean_light(pixels) / _mean_light(before)))
    return pixels, Severity(**known)


def _defocused(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    if rng.uniform() < 0.5:
        return _blurred(pixels, gaussian_kernel(rng.uniform(0.8, 3.0)), rng)
    return _blurred(pixels, disc_kernel(rng.uniform(1.5, 5.0)), rng)


def _shaken(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    return _blurred(pixels, motion_kernel(rng, 3.0 + 21.0 * rng.uniform() ** 1.5), rng)


def _blurred(pixels: Pixels, kernel: NDArray[np.float32], rng: np.random.Generator) -> Degraded:
    gamma = DISPLAY_GAMMA if rng.uniform() < LINEAR else 1.0
    light = (pixels.astype(np.float32) / 255.0) ** gamma
    blurred = to_pixels(np.clip(convolve(light, kernel), 0.0, 1.0) ** (1.0 / gamma) * 255.0)
    width, elongation = kernel_shape(kernel)
    return blurred, {"blur": width, "elongation": elongation}


def _enlarged(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    factor = float(rng.choice([1.5, 2.0, 2.0, 3.0, 4.0]))
    height, width = pixels.shape[:2]
    smaller = resize(pixels, (round(height / factor), round(width / factor)))
    return resize(smaller, (height, width)), {"upscaling": factor}


def _exposed(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    return expose(pixels, rng.uniform(-1.8, 1.3)), {}


def _by_phone(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    colour = np.repeat(pixels, 3 // pixels.shape[2], axis=2)
    return PhoneCamera(noise=(0.0, 0.01))(colour, rng), {}


def _noisy(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    return _with_noise(pixels, 2.0 + 48.0 * rng.uniform() ** 1.3, rng)


def _grainy(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    return _with_noise(pixels, 2.0 * rng.uniform(), rng)


def _with_noise(pixels: Pixels, sigma: float, rng: np.random.Generator) -> Degraded:
    return to_pixels(pixels + rng.normal(0.0, sigma, pixels.shape)), {"noise": sigma}


def _compressed(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    return _at_quality(pixels, int(rng.integers(10, 96)))


def _stored(pixels: Pixels, rng: np.random.Generator) -> Degraded:
    return _at_quality(pixels, int(rng.integers(88, 99)))


def _at_quality(pixels: Pixels, quality: int) -> Degraded:
    return compress_jpeg(pixels, quality), {"jpeg_quality": float(quality)}


PIECES: dict[str, Callable[[Pixels, np.random.Generator], Degraded]] = {
    "defocus": _defocused,
    "motion": _shaken,
    "upscaled": _enlarged,
    "exposure": _exposed,
    "phone": _by_phone,
    "noise": _noisy,
    "grain": _grainy,
    "jpeg": _compressed,
    "stored": _stored,
}
"""Degradations that return the image and their severities, in the order of image formation."""


def kernel_shape(kernel: NDArray[np.float32]) -> tuple[float, float]:
    """Compute a kernel's standard deviation along its longer axis, and 1 - shorter / longer.

    The kernel is (k, k), k odd, with sum 1. The deviation is in pixels; the second value is 0 for a
    round kernel and 1 for a line.
    """
    reach = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    down, right = np.meshgrid(reach, reach, indexing="ij")
    centre = [float((axis * kernel).sum()) for axis in (down, right)]
    d, r = down - centre[0], right - centre[1]
    mixed = (d * r * kernel).sum()
    moments = [[(d * d * kernel).sum(), mixed], [mixed, (r * r * kernel).sum()]]
    shorter, longer = np.sqrt(np.maximum(np.linalg.eigvalsh(np.array(moments)), 0.0))
    return float(longer), float(1.0 - shorter / max(longer, 1e-6))


def expose(pixels: Pixels, stops: float) -> Pixels:
    """Multiply the linear light of a photograph by 2 ** `stops`; highlights clip.

    Pixels are uint8 of any shape, which is kept; the result is rounded half to even. Linear light
    is approximated by (pixel / 255) ** 2.2 (DISPLAY_GAMMA).
    """
    light = (pixels / 255.0) ** DISPLAY_GAMMA * 2.0**stops
    return to_pixels(np.minimum(light, 1.0) ** (1.0 / DISPLAY_GAMMA) * 255.0)


def _mean_light(pixels: Pixels) -> float:
    return float(((pixels / 255.0) ** DISPLAY_GAMMA).mean()) + 1e-3
