"""Finds the first operator that a GPU computes wrongly.

Every tensor of a file is computed on the GPU and by TFLite's built-in kernels on this host, and
compared in the order of operators. Where a tensor is off and the operator's inputs are not, that
operator alone is computed here from the GPU's own inputs: an operator that merely amplifies small
differences, such as a sign, is not wrong. Everything after a wrong operator is wrong because of it.

If no operator is wrong by itself, the shortest prefix of the file with a wrong result is searched.

A tensor that is off is computed a second time as the last of its file: LiteRT 2.3.0 merges a PAD
into the operator after it, and then does not write the PAD's own output even if that is requested.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.layout import to_nhwc
from edge_imgq.runtime.litert import open_keeping_tensors
from edge_imgq.runtime.tflite_parts import Computed, computed_tensors, write_submodel
from edge_imgq.skipped import Skipped
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from edge_imgq.devices.gpu.device import GpuSession

GROUP_BYTES = 2**28
"""Largest total size, in bytes, of tensors that the GPU returns at once."""

HIGHEST = 150.0
"""PSNR in dB of equal tensors; float32 reaches some 140."""


@dataclass(frozen=True)
class WrongOperator:
    """An operator that the GPU computes wrongly from correct inputs.

    Attributes:
        operator: TFLite's name of the operator.
        tensor: name of its output.
        psnr: PSNR in dB of that output against this host's result from the same inputs; the peak is
            its largest absolute value.
        in_float32: whether the GPU computed in float32; else in float16.
    """

    operator: str
    tensor: str
    psnr: float
    in_float32: bool

    def __str__(self) -> str:
        """Format as a sentence without a full stop."""
        return (
            f"{self.operator} '{self.tensor}' is the first that is wrong: {self.psnr:.1f} dB "
            "against what this host makes of the same inputs"
        )


def first_wrong(
    session: GpuSession,
    pixels: NDArray[np.uint8],
    min_psnr: float,
    in_float32: bool,
    reference: Path | None = None,
) -> WrongOperator | Skipped:
    """Find the first operator that the GPU computes wrongly on an image; a `Skipped` if none is.

    Every tensor is compared with that of TFLite's built-in kernels on this host. An operator is
    wrong if its result is below `min_psnr` both in the file and alone, on the GPU's own inputs.

    Args:
        session: session of the file on the GPU.
        pixels: image, uint8 (H, W, C) of the file's size.
        min_psnr: smallest PSNR in dB of a correct tensor (`psnr_of`).
        in_float32: True if the GPU is to compute in float32, False for float16.
        reference: file for this host to run; None for the session's.

    Raises:
        DeviceError: the driver crashed.
        ModelError: the file is damaged, or LiteRT does not open it.
    """
    reference = reference or session.path
    here = _Reference(reference, pixels, session.note.contract.peak)
    reached: dict[int, float] = {}
    tensors = computed_tensors(session.path)
    with tempfile.TemporaryDirectory(prefix="edge-imgq-") as folder:
        submodel = Path(folder) / "part.tflite"
        for group in _groups(tensors):
            write_submodel(session.path, submodel, (tensor.index for tensor in group))
            outputs = session.tensors(submodel, pixels, in_float32)
            for tensor, values in zip(group, outputs, strict=True):
                reached[tensor.index] = psnr_of(here.values(tensor.index), values)
                known = min((reached.get(i, HIGHEST) for i in tensor.inputs), default=HIGHEST)
                if reached[tensor.index] >= min_psnr or known < min_psnr:
                    continue
                last, alone = _alone(session, reference, tensor, pixels, in_float32, submodel)
                reached[tensor.index] = psnr_of(here.values(tensor.index), last)
                if alone < min_psnr and reached[tensor.index] < min_psnr:
                    return WrongOperator(tensor.operator, tensor.name, alone, in_float32)
        beginning = _shortest(session, here, pixels, min_psnr, submodel) if in_float32 else None
    return beginning or none_wrong(tensors, reached, min_psnr, in_float32)


def none_wrong(
    tensors: tuple[Computed, ...], reached: Mapping[int, float], min_psnr: float, in_float32: bool
) -> Skipped:
    """Return a `Skipped` that says that no operator is wrong, and how near the worst tensor is.

    Its reason has the number of tensors compared. If the worst is below `min_psnr` all the same, it
    says that operators make small differences large.

    Args:
        tensors: tensors of the file, at least one.
        reached: PSNR in dB of each against this host's result, by tensor index.
        min_psnr: smallest PSNR in dB of a correct tensor.
        in_float32: True if the GPU computed in float32, False for float16.
    """
    precision = "float32" if in_float32 else "float16"
    compared = f"{count_of(len(tensors), 'tensor')} compared in {precision}"
    last = min(tensors, key=lambda tensor: reached[tensor.index])
    lowest = reached[last.index]
    if lowest == HIGHEST:
        return Skipped(f"no operator is wrong ({compared}, all as on this host)")
    said = f"{compared}; the largest difference is that of {last.operator} '{last.name}', "
    said += f"{lowest:.1f} dB against this host's"
    if lowest >= min_psnr:
        return Skipped(f"no operator is wrong ({said})")
    return Skipped(f"no operator is wrong by itself: they make small differences large ({said})")


def _shortest(
    session: GpuSession,
    here: _Reference,
    pixels: NDArray[np.uint8],
    min_psnr: float,
    submodel: Path,
) -> WrongOperator | None:
    """Return the last operator of the shortest wrong prefix of a file in float32, or None.

    A GPU fuses operators differently if intermediate tensors are requested; here only the last is.
    The prefix is found by bisection, which assumes that longer prefixes are wrong too.
    """
    tensors = computed_tensors(session.path)

    def reached(index: int) -> float:
        write_submodel(session.path, submodel, (tensors[index].index,))
        (output,) = session.tensors(submodel, pixels, in_float32=True)
        return psnr_of(here.values(tensors[index].index), output)

    right, wrong = -1, len(tensors) - 1
    off = reached(wrong)
    if off >= min_psnr:
        return None
    while wrong - right > 1:
        middle = (right + wrong) // 2
        if (psnr := reached(middle)) < min_psnr:
            wrong, off = middle, psnr
        else:
            right = middle
    return WrongOperator(tensors[wrong].operator, tensors[wrong].name, off, in_float32=True)


def psnr_of(known: NDArray[np.float32], computed: NDArray[np.float32]) -> float:
    """Return the PSNR of a tensor in dB against a known one, whose largest magnitude is the peak.

    At most 150 (HIGHEST), which equal tensors give; 0 for tensors with NaN or infinity.

    Args:
        known: float32 of any shape.
        computed: float32 of the same shape.
    """
    if not np.isfinite(computed).all():
        return 0.0
    peak = float(np.abs(known).max(initial=0.0))
    error = float(np.mean((known.astype(np.float64) - computed) ** 2))
    if not error:
        return HIGHEST
    return min(10 * math.log10(max(peak, 1e-30) ** 2 / error), HIGHEST)


def _alone(
    session: GpuSession,
    reference: Path,
    tensor: Computed,
    pixels: NDArray[np.uint8],
    in_float32: bool,
    submodel: Path,
) -> tuple[NDArray[np.float32], float]:
    """Return an operator's output on the GPU, and its PSNR against this host's for equal inputs.

    An operator with inputs other than floats, such as a boolean selection, counts as correct,
    because the GPU does not return such inputs.
    """
    write_submodel(session.path, submodel, (tensor.index,))
    (output,) = session.tensors(submodel, pixels, in_float32)
    if not tensor.of_floats:
        return output, HIGHEST
    given = {tensor.image: to_nhwc(pixels, session.note.contract.peak)}
    for index in tensor.inputs:
        if index != tensor.image:
            write_submodel(session.path, submodel, (index,))
            (given[index],) = session.tensors(submodel, pixels, in_float32)
    write_submodel(reference, submodel, (tensor.index,), tensor.inputs)
    interpreter = open_keeping_tensors(submodel)
    for entry, index in zip(interpreter.get_input_details(), tensor.inputs, strict=True):
        interpreter.set_tensor(entry["index"], given[index].reshape(entry["shape"]))
    interpreter.invoke()
    expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return output, psnr_of(expected.ravel(), output)


class _Reference:
    """Tensors of a file on one image, computed by TFLite's built-in kernels."""

    def __init__(self, path: Path, pixels: NDArray[np.uint8], peak: float) -> None:
        self._interpreter: Any = open_keeping_tensors(path)
        entry = self._interpreter.get_input_details()[0]
        self._interpreter.set_tensor(entry["index"], to_nhwc(pixels, peak))
        self._interpreter.invoke()

    def values(self, index: int) -> NDArray[np.float32]:
        """Return this host's result for a tensor of the file, float32 in one dimension.

        `index` is the tensor's index in the file; images are flattened from NHWC.
        """
        tensor: NDArray[np.float32] = self._interpreter.get_tensor(index)
        return tensor.ravel()


def _groups(tensors: tuple[Computed, ...]) -> Iterator[list[Computed]]:
    """Yield consecutive tensors in groups of at most GROUP_BYTES, or of one larger tensor."""
    group: list[Computed] = []
    for tensor in tensors:
        if group and sum(one.bytes for one in group) + tensor.bytes > GROUP_BYTES:
            yield group
            group = []
        group.append(tensor)
    if group:
        yield group
