"""Results of `edge-imgq assess`."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class Estimate:
    """An estimate with its uncertainty.

    Attributes:
        value: Estimated value.
        uncertainty: About two of three true values lie within `value` ± `uncertainty`.
        unit: "levels" of 255, "pixels", "times", "stops" or "dB"; empty for none.
    """

    value: float
    uncertainty: float
    unit: str


@dataclass(frozen=True)
class Gain:
    """Predicted PSNR gain of a network of the zoo on a photograph.

    Attributes:
        model: Name of the network.
        gain: PSNR against the undegraded photograph after the network minus before it, in dB.
        adjusted: Gain in dB that the advice compares: that on tones is lowered by its uncertainty,
            that of deblur-slim on detail raised by 0.6 of its uncertainty. On a photograph that is
            blurred or enlarged, it is raised by 1.5, and the gain of deblur-slim on tones counts as
            it is.
    """

    model: str
    gain: Estimate
    adjusted: float


@dataclass(frozen=True)
class ClassicalMeasures:
    """Classical no-reference measures of the luma of a photograph.

    Attributes:
        noise: Noise standard deviation in levels, by the median absolute deviation of wavelet
            coefficients; texture raises it.
        laplacian_variance: Variance of the Laplacian: small for blurred photographs, large for
            noisy ones.
        blockiness: Ratio of steps across JPEG block borders to steps elsewhere; 1 for no blocking.
    """

    noise: float
    laplacian_variance: float
    blockiness: float


@dataclass(frozen=True)
class Assessment:
    """Estimated degradations of a photograph, and the networks that improve it.

    Attributes:
        source: Path of the photograph.
        size: Height and width in pixels.
        noise: Standard deviation of white noise per channel, in levels.
        jpeg_quality: Quality of the Independent JPEG Group, 1 to 100; 100 for no JPEG.
        blur: Standard deviation of the blur along its longer axis, in pixels; 0 for sharp.
        elongation: Elongation of the blur: 0 for round (defocus), 1 for a line (motion).
        upscaling: Factor by which the photograph was enlarged.
        exposure: Exposure error in stops; negative for underexposed.
        psnr: PSNR against the undegraded photograph, in dB.
        blurred: Whether the photograph counts as blurred.
        gains: Predicted gain of each candidate network, largest first.
        advice: Networks to run, in this order; empty if the photograph should be left unchanged.
        classical: Classical measures; skipped if the photograph is too small for them.
    """

    source: str
    size: tuple[int, int]
    noise: Estimate
    jpeg_quality: Estimate
    blur: Estimate
    elongation: Estimate
    upscaling: Estimate
    exposure: Estimate
    psnr: Estimate
    blurred: bool
    gains: tuple[Gain, ...]
    advice: tuple[str, ...]
    classical: ClassicalMeasures | Skipped
