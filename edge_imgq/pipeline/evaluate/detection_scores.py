"""What a detector finds in restored images, compared with what it finds in the originals.

The protocol of Kupyn et al., "DeblurGAN: Blind Motion Deblurring Using Conditional Adversarial
Networks", CVPR 2018: boxes in the sharp photograph are the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.metrics.detection import Boxes, average_precision, correct
from edge_imgq.report.evaluation import Detection, DetectionScores
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

SURE = 0.5
"""Least score of a reference box, and of boxes that count in precision and recall."""


@dataclass(frozen=True)
class FoundBoxes:
    """Boxes in one image by one method, and the reference boxes in the original.

    Attributes:
        condition: degradation of the image.
        method: the model or a baseline.
        reference: boxes in the original, of score 0.5 or more.
        detected: boxes in the method's result, of any score.
    """

    condition: str
    method: str
    reference: Boxes
    detected: Boxes


def found_boxes(
    detect: Callable[[Pixels], Boxes], condition: str, truth: Pixels, results: Mapping[str, Pixels]
) -> list[FoundBoxes]:
    """Run a detector on an original and on every method's result; return one entry per method.

    Args:
        detect: returns the boxes of an image.
        condition: degradation of the image, as reports name it.
        truth: the original, uint8 (H, W, C).
        results: each method's result, uint8 (H, W, C) of the same size, by name.

    Raises:
        ModelError: the detector fails.
    """
    detected = detect(truth)
    reference = detected.chosen(detected.scores >= SURE)
    return [
        FoundBoxes(condition, method, reference, detect(pixels))
        for method, pixels in results.items()
    ]


def detection_scores(detector: str, boxes: Sequence[FoundBoxes]) -> Detection | Skipped:
    """Return precision, recall, F1 and average precision of each condition and method, 0 to 1.

    Boxes of score 0.5 or more count in the first three. `Skipped` if the originals have no box of
    such a score.

    Args:
        detector: name of the detector.
        boxes: boxes of all images, grouped here by condition and method.
    """
    groups: dict[tuple[str, str], list[tuple[Boxes, Boxes]]] = {}
    for one in boxes:
        groups.setdefault((one.condition, one.method), []).append((one.reference, one.detected))
    count = sum(len(reference.scores) for reference, _ in next(iter(groups.values()), []))
    if not count:
        return Skipped(f"{detector} finds nothing in the originals with a score of {SURE} or more")
    rows = [_scores(condition, method, pairs) for (condition, method), pairs in groups.items()]
    return Detection(detector, count, SURE, tuple(rows))


def _scores(condition: str, method: str, pairs: Sequence[tuple[Boxes, Boxes]]) -> DetectionScores:
    """Return the scores of one condition and method; there is a reference box."""
    sure = [(reference, detected.chosen(detected.scores >= SURE)) for reference, detected in pairs]
    right = sum(int(correct(reference, detected).sum()) for reference, detected in sure)
    detections = sum(len(detected.scores) for _, detected in sure)
    references = sum(len(reference.scores) for reference, _ in sure)
    return DetectionScores(
        condition=condition,
        method=method,
        precision=right / detections if detections else None,
        recall=right / references,
        f1=2 * right / (detections + references),
        average_precision=average_precision(pairs),
    )
