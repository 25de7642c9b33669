"""Check that the activations of a float file stay within float16, the precision of phones.

This host computes in float32, so an overflow on a phone is not visible here. The file is run again
with all tensors kept (TFLite files in the builtin kernels), and the largest magnitude of each is
compared with float16's maximum.
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
from edge_imgq.runtime.litert_inputs import set_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOAT16_MAX = float(np.finfo(np.float16).max)
NEAR = FLOAT16_MAX / 16
"""If no magnitude on the first image reaches this, further images are not checked."""


@dataclass(frozen=True)
class Fp16Overflow:
    """A tensor that exceeds float16.

    Attributes:
        tensor: its name.
        largest: largest magnitude; the float32 maximum for infinity or NaN.
    """

    tensor: str
    largest: float

    def __str__(self) -> str:
        """Format as a clause for messages."""
        return f"'{self.tensor}' reaches {self.largest:.3g}, and float16 ends at {FLOAT16_MAX:.0f}"


def fp16_overflows(path: Path, pixels: NDArray[np.uint8], peak: float) -> tuple[Fp16Overflow, ...]:
    """List the tensors of a float .tflite file that exceed float16 on an image, in execution order.

    The file is run in float32; a tensor is listed if a magnitude is over 65504, NaN or infinite.
    The latter two are reported as the largest float32.

    Args:
        path: a file of one size.
        pixels: image (H, W, C), uint8, of any size: its centre is used, and one smaller than the
            file is extended by reflection.
        peak: float value of white in the file.

    Raises:
        UnopenedFileError: LiteRT cannot open the file.
    """
    interpreter = open_keeping_tensors(path)
    entry = interpreter.get_input_details()[0]
    height, width = (int(side) for side in entry["shape"][1:3])
    set_inputs(interpreter, _middle(pixels, (height, width)), peak)
    interpreter.invoke()
    largest = _largest(interpreter).items()
    end = float(np.finfo(np.float32).max)
    return tuple(
        Fp16Overflow(name, value if value <= end else end)  # which NaN is not
        for name, value in largest
        if not value <= FLOAT16_MAX
    )


def refuse_tflite_overflow(path: Path, photos: Iterable[NDArray[np.uint8]], peak: float) -> None:
    """Refuse a float .tflite file whose activations exceed float16, 65504, on an image.

    The file is run in float32. No more images are examined after one on which no magnitude reaches
    4094, 1/16 of the limit.

    Args:
        path: a file of one size.
        photos: images (H, W, C), uint8, of any size: their centres are used, and those smaller than
            the file are extended by reflection.
        peak: float value of white in the file.

    Raises:
        NonFiniteOutputError: names the first tensor that overflows, and its magnitude.
        UnopenedFileError: LiteRT cannot open the file.
    """
    interpreter = open_keeping_tensors(path)
    entry = interpreter.get_input_details()[0]
    height, width = (int(side) for side in entry["shape"][1:3])

    def largest_of(pixels: NDArray[np.uint8]) -> dict[str, float]:
        set_inputs(interpreter, pixels, peak)
        interpreter.invoke()
        return _largest(interpreter)

    refuse_overflow(photos, (height, width), largest_of, "phone GPUs")


def refuse_overflow(
    photos: Iterable[NDArray[np.uint8]],
    size: tuple[int, int],
    largest_of: Callable[[NDArray[np.uint8]], dict[str, float]],
    who: str,
) -> None:
    """Refuse a file whose activations exceed float16, 65504, on an image.

    No more images are examined after one on which no magnitude reaches 4094, 1/16 of the limit.

    Args:
        photos: images (H, W, C), uint8, of any size: their centres are used, and those smaller than
            the file are extended by reflection.
        size: (height, width) of the file in pixels.
        largest_of: maps an image of that size to the largest magnitude of each tensor by name, in
            execution order.
        who: the devices that compute in float16, for the message.

    Raises:
        NonFiniteOutputError: names the first tensor that overflows, and its magnitude.
    """
    for pixels in photos:
        largest = largest_of(_middle(pixels, size))
        for name, value in largest.items():
            if not value <= FLOAT16_MAX:  # which NaN is not, either
                raise NonFiniteOutputError(
                    f"'{name}' reaches {value:.3g} on a photograph, and float16, in which {who} "
                    f"compute this file, ends at {FLOAT16_MAX:.0f}: it would return infinity "
                    "there. Scale the model's values down before that node, or use another target."
                )
        if max(largest.values(), default=0.0) < NEAR:
            return


def _largest(interpreter: Any) -> dict[str, float]:
    """Return the largest magnitude of each computed float tensor, in execution order."""
    largest = {}
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    for node in interpreter._get_ops_details():
        for index in node["outputs"]:
            detail = details.get(int(index))
            if detail is None or detail["dtype"] != np.float32:
                continue
            values = interpreter.get_tensor(int(index))
            if values.size:
                largest[detail["name"]] = float(max(values.max(), -values.min()))
    return largest


def _middle(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    top, left = max((height - size[0]) // 2, 0), max((width - size[1]) // 2, 0)
    return pad_to(pixels[top : top + size[0], left : left + size[1]], size)
