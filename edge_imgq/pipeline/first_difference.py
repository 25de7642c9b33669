"""Where a file departs from the graph that it was made from: the first tensor that is off.

A file keeps the names of the graph's tensors, so both are run on one image and compared tensor by
tensor, in the order of the file's operators. That takes a runtime that shows what it computes
between them: today, LiteRT.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, sha256_of
from edge_imgq.errors import EdgeImgqError
from edge_imgq.formats import format_of
from edge_imgq.images.layout import to_nchw
from edge_imgq.images.samples import ImageSet, samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.contract import FileNote
    from edge_imgq.runtime.litert_tensors import WrittenTensor

QUANTIZED = ".quantized.dequantized"
"""What a QDQ graph adds to the name of a tensor whose values it has rounded to steps."""

MOST_OFF = 0.01
"""Share of a channel's values that may be off: kernels round single values the other way."""

STEPS = 1.5
"""Steps that a value may be off; in the mean over a channel, half a step."""

OF_RANGE = 5e-3
"""Of a float tensor's largest value, what counts as its step: float16 takes a tenth of that."""


def first_difference(folder: Path, path: Path, images: ImageSet) -> str | None:
    """Return a sentence on the first tensor of a file that is off its graph's.

    Args:
        folder: the model's, which holds `reference/`.
        path: of the file.
        images: the first of which is looked at.

    Returns:
        "" where every tensor that both have is as in the graph; None where they cannot be compared:
        the file does not run, its runtime shows no tensors, or its graph is not there.
    """
    from edge_imgq.runtime.open import open_session

    row = format_of(path)
    if row is None or row.functions.tensors is None:
        return None
    try:
        session = open_session(path)
        graph = _graph(folder, session.note)
        if graph is None or session.size is None:
            return None
        sample = next(iter(samples(images, session.note.contract, session.size)))
        peak = session.note.contract.peak
        own = list(row.functions.tensors(path, sample.pixels, peak))
        return _compared(own, graph, sample.pixels, peak)
    except EdgeImgqError:
        return None


def _graph(folder: Path, note: FileNote) -> Path | None:
    """Return the graph that a file was made from."""
    reference = folder / REFERENCE_FOLDER
    if not note.quantized_sha256:
        path = reference / FLOAT_REFERENCE
        return path if path.is_file() and sha256_of(path) == note.reference_sha256 else None
    found = (path for path in sorted(reference.glob("*.onnx")))
    return next((path for path in found if sha256_of(path) == note.quantized_sha256), None)


def _compared(
    own: Sequence[WrittenTensor], graph: Path, pixels: NDArray[np.uint8], peak: float
) -> str | None:
    from edge_imgq.runtime.onnx_tensors import tensors_of

    names = [name for tensor in own for name in (tensor.name, tensor.name + QUANTIZED)]
    wanted = tensors_of(graph, names, to_nchw(pixels, peak))
    shared = [
        (tensor, known.transpose(0, 2, 3, 1))
        for tensor in own
        if (known := wanted.get(tensor.name + QUANTIZED, wanted.get(tensor.name))) is not None
        and known.ndim == 4
    ]
    if not shared:
        return None
    return next((said for tensor, known in shared if (said := _off(tensor, known))), "")


def _off(tensor: WrittenTensor, known: NDArray[np.float32]) -> str:
    """Return in words how far a tensor is off; "" where only roundings differ."""
    start = f"the first tensor that is off is '{tensor.name}', which {tensor.operator} writes: "
    if tensor.values.shape != known.shape:
        return f"{start}{tensor.values.shape} in the file, {known.shape} in the graph"
    error = tensor.values - known
    step = tensor.step or OF_RANGE * float(np.abs(known).max())
    off = ~(np.abs(error) <= STEPS * step)  # NaN is off
    off |= np.abs(error.mean(axis=(0, 1, 2))) > step / 2
    channels = np.flatnonzero(off.mean(axis=(0, 1, 2)) > MOST_OFF)
    if not len(channels):
        return ""
    share = float(off[..., channels].mean())
    where = f"channel {channels[0]}" if len(channels) == 1 else f"{len(channels)} channels"
    return f"{start}{share:.0%} of the values in {where} of {known.shape[3]}"
