"""Results of `edge-imgq evaluate`."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.skipped import Skipped


@dataclass(frozen=True)
class Scores:
    """Metrics of an image against ground truth, or their means over several images.

    Attributes:
        psnr: PSNR in dB.
        ssim: SSIM; 1 for identical images.
        psnr_b: PSNR-B in dB, which penalises blocking artefacts; only for JPEG restoration of
            luma, else None.
    """

    psnr: float
    ssim: float
    psnr_b: float | None


@dataclass(frozen=True)
class ImageScores:
    """Scores of one image under one condition by one method.

    Attributes:
        image: Image name.
        condition: Degradation, such as "quality 10".
        method: The model or a baseline.
        scores: Scores against ground truth.
    """

    image: str
    condition: str
    method: str
    scores: Scores


@dataclass(frozen=True)
class MethodScores:
    """Mean scores of all images under one condition by one method.

    Attributes:
        condition: Degradation of the images.
        method: The model or a baseline.
        mean: Mean scores over the images.
        better: Share of images, 0 to 1, whose PSNR exceeds that of the condition's first row.
    """

    condition: str
    method: str
    mean: Scores
    better: float


@dataclass(frozen=True)
class DetectionScores:
    """How well a detector finds in one method's images what it finds in the originals.

    Attributes:
        condition: Degradation of the images.
        method: The model or a baseline.
        precision: Share of the boxes that are correct, 0 to 1; None if there is no box.
        recall: Share of the originals' boxes that are found, 0 to 1.
        f1: Harmonic mean of precision and recall.
        average_precision: Area under the precision-recall curve over all scores, mean over labels.
    """

    condition: str
    method: str
    precision: float | None
    recall: float
    f1: float
    average_precision: float


@dataclass(frozen=True)
class Detection:
    """Comparison of a detector's boxes in each method's images with those in the originals.

    Attributes:
        detector: File of the detector.
        references: Number of boxes in the originals.
        least_score: Least score of these, and of boxes that count in precision and recall.
        rows: One row per condition and method, in the order of the evaluation's.
    """

    detector: str
    references: int
    least_score: float
    rows: tuple[DetectionScores, ...]


@dataclass(frozen=True)
class Evaluation:
    """Evaluation of a model and of baselines on a set of images.

    Attributes:
        model: Model as the user named it.
        task: Image task, which determines the protocol.
        set: Folder of the images.
        protocol: Description of what was compared.
        rows: One row per condition and method; the model is the last row of each condition.
        images: Scores of every image, of which `rows` has the means.
        left_out: One sentence per file that could not be used.
        hint: Advice if the model may expect another pixel range, and a note on values of further
            inputs that its file rounds; or "".
        detection: What a detector finds; None if none was named.
    """

    model: str
    task: str
    set: str
    protocol: str
    rows: tuple[MethodScores, ...]
    images: tuple[ImageScores, ...]
    left_out: tuple[str, ...]
    hint: str = ""
    detection: Detection | Skipped | None = None
