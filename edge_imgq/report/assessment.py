"""What `assess` found, as values."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class Estimate:
    """A number with what is known of its error.

    Attributes:
        value: the number.
        spread: how far off it may be: two of three true values lie nearer.
        unit: "levels" of 255, "pixels", "times", "stops" or "dB"; empty for none.
    """

    value: float
    spread: float
    unit: str


@dataclass(frozen=True)
class Gain:
    """What a network of the zoo would do to a photograph's PSNR.

    Attributes:
        model: its name.
        gain: PSNR against the unspoilt photograph after it, less PSNR before, in dB.
    """

    model: str
    gain: Estimate


@dataclass(frozen=True)
class ClassicalMeasures:
    """What formulas say of a photograph's luma.

    Attributes:
        noise: standard deviation of its noise in levels, from wavelets; texture counts.
        laplacian_variance: sharpness; small for blurred photographs, large for noisy ones.
        blockiness: steps across borders of JPEG's blocks over steps elsewhere; 1 for no blocks.
    """

    noise: float
    laplacian_variance: float
    blockiness: float


@dataclass(frozen=True)
class Assessment:
    """What a photograph suffers from and what mends it.

    Attributes:
        source: the photograph.
        size: its height and width.
        noise: standard deviation of white noise on each channel.
        jpeg_quality: as the Independent JPEG Group counts it; 100 for no JPEG.
        blur: standard deviation of the blur along its longer axis; 0 for a sharp photograph.
        elongation: of the blur: 0 as wide as long (defocus), 1 a line (motion).
        upscaling: by how much it was enlarged.
        exposure: light that it lacks (below 0) or has too much.
        psnr: how near it is to the unspoilt photograph.
        blurred: whether it is.
        gains: of every network that is asked about, the largest first.
        advice: networks of the zoo to run, in this order; none where it is better left alone.
        classical: what formulas say; skipped where the photograph is too small for them.
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
