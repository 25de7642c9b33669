"""An object detector in an .onnx file, whose inputs and outputs are recognised by shape."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import ModelError
from edge_imgq.images.resize import resize
from edge_imgq.metrics.detection import Boxes, without_duplicates

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]
    Arrays: TypeAlias = Sequence[NDArray[Any]]

LEAST_SCORE = 0.05
"""Boxes of lower confidence are left out, as torchvision's detectors do."""

MOST_OVERLAP = 0.45
"""IoU above which one of two raw boxes of a label is left out, as in YOLO."""

MULTIPLE = 32
"""Images for files of any size are extended at the right and bottom to multiples of this."""

FILL = 114
"""Level of the extension, as in YOLO."""

DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
}
"""Types of input that detectors may have; floats are 0 to 1."""

TAKES = (
    "A detector takes one RGB image, (1, 3, H, W), (3, H, W) or (1, H, W, 3), as uint8 or as float "
    "from 0 to 1. It returns boxes (N, 4), scores (N) and integer labels (N), with or without a "
    "batch axis of 1; or one output (1, 4 + classes, N) or (1, N, 6) as YOLO exports have."
)


class Detector:
    """A detector; call it with an image.

    Attributes:
        name: name of its file.

    Args:
        path: its .onnx file.
        threads: processor threads.

    Raises:
        ModelError: the file is not ONNX, ONNX Runtime cannot open it, or its input is no RGB image.
    """

    def __init__(self, path: Path, threads: int) -> None:
        from edge_imgq.runtime.onnxruntime import inference_session

        try:
            self._session = inference_session(str(path), threads=threads)
        except Exception as error:  # ONNX Runtime raises classes of its own making
            reason = str(error).strip().split("\n")[0]
            raise ModelError(f"ONNX Runtime cannot open the detector {path}: {reason}") from error
        self._path, self.name = path, path.name
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape)
        axes = shape[-3:]
        known = len(shape) in (3, 4) and 3 in (axes[0], axes[2]) and inputs[0].type in DTYPES
        if len(inputs) != 1 or not known:
            said = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise ModelError(f"The detector {path} has the inputs {said}. {TAKES}")
        self._batched, self._is_last = len(shape) == 4, axes[0] != 3
        sides = axes[:2] if self._is_last else axes[1:]
        self._size = (sides[0], sides[1]) if all(isinstance(n, int) for n in sides) else None
        self._name, self._dtype = inputs[0].name, DTYPES[inputs[0].type]

    def __call__(self, pixels: Pixels) -> Boxes:
        """Return the boxes of an image, uint8 (H, W, 3) or (H, W, 1), with scores of 0.05 or more.

        Coordinates are the file's own: boxes of images of one size compare, others do not.

        Raises:
            ModelError: the outputs are not those of a detector, or ONNX Runtime stops.
        """
        image = _fitted(np.repeat(pixels, 3 // pixels.shape[2], axis=2), self._size)
        laid = image if self._is_last else image.transpose(2, 0, 1)
        values = (laid if self._dtype == np.uint8 else laid / 255.0).astype(self._dtype)
        feed = np.ascontiguousarray(values[None] if self._batched else values)
        try:
            outputs = self._session.run(None, {self._name: feed})
        except Exception as error:  # ONNX Runtime raises classes of its own making
            reason = str(error).strip().split("\n")[0]
            raise ModelError(
                f"ONNX Runtime stopped in the detector {self._path}: {reason}"
            ) from error
        boxes = boxes_of([np.asarray(output) for output in outputs])
        if boxes is None:
            said = ", ".join(str(np.shape(output)) for output in outputs)
            raise ModelError(f"The detector {self._path} returned outputs of {said}. {TAKES}")
        return boxes.chosen(boxes.scores >= LEAST_SCORE)


def boxes_of(outputs: Arrays) -> Boxes | None:
    """Return the boxes in a detector's outputs; None if they have none of the known layouts.

    Boxes (N, 4), scores (N) and labels (N) are told apart by axes and type, labels being integers
    or missing; a single output is taken as that of a YOLO export, (1, 4 + classes, N) or (1, N, 6).

    Args:
        outputs: all outputs, with or without a batch axis of 1.
    """
    if len(outputs) == 1 and outputs[0].ndim == 3 and len(outputs[0]) == 1:
        return _of_yolo(outputs[0][0].astype(np.float64))
    batched = any(one.ndim == 3 and one.shape[2] == 4 for one in outputs)
    own = [one[0] if batched and one.ndim > 1 and len(one) == 1 else one for one in outputs]
    corners = [one for one in own if one.ndim == 2 and one.shape[1] == 4]
    vectors = [one for one in own if one.ndim == 1 and corners and len(one) == len(corners[0])]
    scores = [one for one in vectors if np.issubdtype(one.dtype, np.floating)]
    labels = [one for one in vectors if np.issubdtype(one.dtype, np.integer)]
    if len(corners) != 1 or len(scores) != 1 or len(labels) > 1:
        return None
    label = labels[0] if labels else np.zeros(len(scores[0]))
    return Boxes(
        corners[0].astype(np.float64), scores[0].astype(np.float64), label.astype(np.int64)
    )


def _of_yolo(output: NDArray[np.float64]) -> Boxes | None:
    """Return the boxes of (N, 6): corners, score, label; or of (4 + classes, N), with centres."""
    if output.shape[1] == 6:
        return Boxes(output[:, :4], output[:, 4], output[:, 5].astype(np.int64))
    if not 4 < output.shape[0] < output.shape[1]:
        return None
    labels = output[4:].argmax(axis=0)
    scores = output[4:].max(axis=0)
    centres, halves = output[:2].T, output[2:4].T / 2
    boxes = Boxes(np.concatenate([centres - halves, centres + halves], axis=1), scores, labels)
    return without_duplicates(boxes.chosen(scores >= LEAST_SCORE), MOST_OVERLAP)


def _fitted(image: Pixels, size: tuple[int, int] | None) -> Pixels:
    """Fit an image (H, W, 3) to a fixed size by resizing, or to multiples of MULTIPLE, and extend.

    The aspect ratio is kept.
    """
    height, width = image.shape[:2]
    wanted = size or (height + -height % MULTIPLE, width + -width % MULTIPLE)
    if size:
        ratio = min(size[0] / height, size[1] / width)
        image = resize(image, (max(1, round(height * ratio)), max(1, round(width * ratio))))
    missing = [(0, whole - side) for whole, side in zip(wanted, image.shape[:2], strict=True)]
    return np.pad(image, (*missing, (0, 0)), constant_values=FILL)
