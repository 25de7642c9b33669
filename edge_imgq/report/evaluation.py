"""What `evaluate` measured, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scores:
    """How close an image is to its truth, or the mean over several.

    Attributes:
        psnr: in decibels.
        ssim: 1 for identical images.
        psnr_b: PSNR that counts blocks too, in decibels; None where no JPEG is judged.
    """

    psnr: float
    ssim: float
    psnr_b: float | None


@dataclass(frozen=True)
class ImageScores:
    """One image by one method.

    Attributes:
        image: its name.
        condition: how it was degraded, such as "quality 10".
        method: what made it: the model, or a baseline.
        scores: against the truth.
    """

    image: str
    condition: str
    method: str
    scores: Scores


@dataclass(frozen=True)
class MethodScores:
    """All images of one condition by one method.

    Attributes:
        condition: how they were degraded.
        method: what made them.
        mean: over the images.
        better: share of the images whose PSNR is above that of the first baseline.
    """

    condition: str
    method: str
    mean: Scores
    better: float


@dataclass(frozen=True)
class Evaluation:
    """A model on a set of images.

    Attributes:
        model: as the person named it.
        task: by whose protocol it was judged.
        set: the folder.
        protocol: what was compared, in words.
        rows: one for each condition and method, the model last of each condition.
        images: every figure behind the rows.
        left_out: a sentence for each file that could not be used.
        hint: what to try where the model's pixels may be others than it was taken to want, and
            which numbers of further inputs its file rounds; or "".
    """

    model: str
    task: str
    set: str
    protocol: str
    rows: tuple[MethodScores, ...]
    images: tuple[ImageScores, ...]
    left_out: tuple[str, ...]
    hint: str = ""
