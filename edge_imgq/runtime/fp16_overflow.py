"""Whether a float file stays in the range of float16, in which a phone computes it.

This host computes the file in float32, so an overflow on the phone shows in no image here. The file
runs once more, every tensor is kept (of TFLite files by its own kernels), and the largest number of
each is compared with what float16 holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.errors import NonFiniteOutputError
from edge_imgq.images.tiles import pad_to
from edge_imgq.runtime.litert import open_keeping_tensors
from edge_imgq.runtime.litert_inputs import place_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = float(np.finfo(np.float16).max)
NEAR = LARGEST / 16
"""Below this on the first image, no other image comes to LARGEST, and none is looked at."""


@dataclass(frozen=True)
class Fp16Overflow:
    """A tensor that leaves float16.

    Attributes:
        tensor: its name.
        largest: absolute number in it; the largest of float32 where there is infinity or NaN.
    """

    tensor: str
    largest: float

    def __str__(self) -> str:
        """Return it in words."""
        return f"'{self.tensor}' reaches {self.largest:.3g}, and float16 ends at {LARGEST:.0f}"


def fp16_overflows(path: Path, pixels: NDArray[np.uint8], peak: float) -> tuple[Fp16Overflow, ...]:
    """Return the tensors of a float .tflite file that leave float16 on an image, in their order.

    Args:
        path: the file.
        pixels: image (H, W, C) of any size; its middle is looked at.
        peak: what the file takes white for.
    """
    interpreter = open_keeping_tensors(path)
    entry = interpreter.get_input_details()[0]
    height, width = (int(side) for side in entry["shape"][1:3])
    place_inputs(interpreter, _middle(pixels, (height, width)), peak)
    interpreter.invoke()
    found = _largest(interpreter).items()
    end = float(np.finfo(np.float32).max)
    return tuple(
        Fp16Overflow(name, value if value <= end else end)  # which NaN is not
        for name, value in found
        if not value <= LARGEST
    )


def refuse_tflite_overflow(path: Path, photos: Iterable[NDArray[np.uint8]], peak: float) -> None:
    """Refuse a float .tflite file whose numbers leave float16 on some image.

    Args:
        path: the file.
        photos: images (H, W, C) of any size; the middle of each is looked at.
        peak: what the file takes white for.

    Raises:
        NonFiniteOutputError: names the first tensor that leaves it, and how far it goes.
    """
    interpreter = open_keeping_tensors(path)
    entry = interpreter.get_input_details()[0]
    height, width = (int(side) for side in entry["shape"][1:3])

    def largest_of(pixels: NDArray[np.uint8]) -> dict[str, float]:
        place_inputs(interpreter, pixels, peak)
        interpreter.invoke()
        return _largest(interpreter)

    refuse_overflow(photos, (height, width), largest_of, "phone GPUs")


def refuse_overflow(
    photos: Iterable[NDArray[np.uint8]],
    size: tuple[int, int],
    largest_of: Callable[[NDArray[np.uint8]], dict[str, float]],
    who: str,
) -> None:
    """Refuse a file whose numbers leave float16 on some image.

    Args:
        photos: images (H, W, C) of any size; the middle of each is looked at.
        size: height and width of the file.
        largest_of: the largest absolute number of every tensor, in their order, for an image.
        who: computes the file in float16, in words.

    Raises:
        NonFiniteOutputError: names the first tensor that leaves it, and how far it goes.
    """
    for pixels in photos:
        largest = largest_of(_middle(pixels, size))
        for name, value in largest.items():
            if not value <= LARGEST:  # which NaN is not, either
                raise NonFiniteOutputError(
                    f"'{name}' reaches {value:.3g} on a photograph, and float16, in which {who} "
                    f"compute this file, ends at {LARGEST:.0f}: it would return infinity there. "
                    "Scale the model's values down before that node, or use another target."
                )
        if max(largest.values(), default=0.0) < NEAR:
            return


def _largest(interpreter: Any) -> dict[str, float]:
    """Return the largest absolute number of every float tensor that is computed, in their order."""
    found = {}
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    for node in interpreter._get_ops_details():
        for index in node["outputs"]:
            detail = details.get(int(index))
            if detail is None or detail["dtype"] != np.float32:
                continue
            values = interpreter.get_tensor(int(index))
            if values.size:
                found[detail["name"]] = float(max(values.max(), -values.min()))
    return found


def _middle(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    top, left = max((height - size[0]) // 2, 0), max((width - size[1]) // 2, 0)
    return pad_to(pixels[top : top + size[0], left : left + size[1]], size)
