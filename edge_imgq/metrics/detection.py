"""Agreement of detected boxes with reference boxes: matching and average precision.

As in Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010, of 2010 and later:
a box is correct at an intersection over union (IoU) of 0.5, and average precision is the area under
the precision-recall curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CORRECT = 0.5
"""Smallest IoU of a detected box with a reference box of its label at which it is correct."""


@dataclass(frozen=True)
class Boxes:
    """Boxes of one image.

    Attributes:
        corners: float64 (N, 4), two opposite corners: (x, y, x, y) or (y, x, y, x), the smaller
            coordinates first, in any unit that is the same for all boxes compared.
        scores: confidences, float64 (N,).
        labels: class numbers, int64 (N,).
    """

    corners: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Boxes:
        """Return the boxes at indices, in that order, or those where a mask (N,) is true."""
        return Boxes(self.corners[which], self.scores[which], self.labels[which])


def overlaps(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the IoU (N, M) of boxes (N, 4) with boxes (M, 4), float64, 0 to 1.

    Corners are as in `Boxes`, smaller coordinates first. Boxes without area have an IoU of 0.
    """
    first, last = (
        np.maximum(one[:, None, :2], other[:, :2]),
        np.minimum(one[:, None, 2:], other[:, 2:]),
    )
    shared = np.prod(np.maximum(last - first, 0.0), axis=2)
    areas = [
        np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1) for boxes in (one, other)
    ]
    union = areas[0][:, None] + areas[1] - shared
    ratio: NDArray[np.float64] = np.zeros_like(shared)
    np.divide(shared, union, out=ratio, where=union > 0)
    return ratio


def without_duplicates(boxes: Boxes, most: float) -> Boxes:
    """Remove boxes that overlap a kept box of higher score and the same label.

    Greedy non-maximum suppression. The result is in order of falling score.

    Args:
        boxes: boxes in any order.
        most: largest IoU, 0 to 1, of two boxes of one label that are both kept.
    """
    # Written here, because no required package has it as a function: torchvision and OpenCV are not
    # required, and ONNX Runtime, which the test compares with, has it as an operator of a graph.
    ordered = boxes.chosen(np.argsort(-boxes.scores, kind="stable"))
    near = overlaps(ordered.corners, ordered.corners) > most
    near &= ordered.labels[:, None] == ordered.labels
    kept = np.ones(len(ordered.scores), bool)
    for index in range(len(kept)):
        if kept[index]:
            kept[index + 1 :] &= ~near[index, index + 1 :]
    return ordered.chosen(kept)


def correct(reference: Boxes, detected: Boxes) -> NDArray[np.bool_]:
    """Return which detected boxes are correct: bool (N,), in the order of `detected`.

    Boxes take turns by falling score. Each takes the reference box of its label with the highest
    IoU among those that no box has taken yet, and is correct if that is at least 0.5. A box whose
    best IoU is lower takes none.
    """
    shared = overlaps(detected.corners, reference.corners)
    shared[detected.labels[:, None] != reference.labels] = 0.0
    right = np.zeros(len(detected.scores), bool)
    for index in np.argsort(-detected.scores, kind="stable"):
        if shared.shape[1] and shared[index].max() >= CORRECT:
            right[index] = True
            shared[:, shared[index].argmax()] = 0.0
    return right


def average_precision(images: Sequence[tuple[Boxes, Boxes]]) -> float:
    """Return the average precision, 0 to 1, the mean over the labels in the references.

    Per label, all boxes of all images are ranked by score, and the result is the area under the
    precision-recall curve. Precision at each recall is the highest at this or a larger recall.
    Detected labels that no reference has do not count.

    Args:
        images: reference boxes and detected boxes of each image.

    Raises:
        ValueError: there is no reference box, or no image.
    """
    labels = np.unique(np.concatenate([reference.labels for reference, _ in images]))
    if not len(labels):
        raise ValueError("average precision needs at least one reference box")
    right = [correct(reference, detected) for reference, detected in images]
    return float(np.mean([_of_label(images, right, label) for label in labels]))


def _of_label(
    images: Sequence[tuple[Boxes, Boxes]], right: Sequence[NDArray[np.bool_]], label: np.int64
) -> float:
    """Return the average precision of one label."""
    own = [detected.labels == label for _, detected in images]
    total = sum(int((reference.labels == label).sum()) for reference, _ in images)
    pairs = zip(images, own, strict=True)
    scores = np.concatenate([detected.scores[mask] for (_, detected), mask in pairs])
    hits = np.concatenate([one[mask] for one, mask in zip(right, own, strict=True)])
    hits = hits[np.argsort(-scores, kind="stable")].astype(np.float64)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best * hits).sum() / total)
