"""Where a TFLite file departs from the graph that it was made from: the first tensor that is off.

The file keeps the names of the graph's tensors, so both are run on one image and compared tensor by
tensor, in the order of the file's operators.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, sha256_of
from edge_imgq.errors import EdgeImgqError
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
"""Steps of an integer tensor that a value may be off."""

OF_RANGE = 5e-3
"""Of a float tensor's largest value, what a value may be off: float16 weights take a tenth of it."""


def first_difference(folder: Path, path: Path, images: ImageSet) -> str:
    """Return a sentence on the first tensor of a TFLite file that is off its graph's.

    Args:
        folder: the model's, which holds `reference/`.
        path: of the file.
        images: the first of which is looked at.

    Returns:
        "" where the file does not run, or its graph is not there.
    """
    from edge_imgq.runtime.open import open_session

    try:
        session = open_session(path)
        graph = _graph(folder, session.note)
        if graph is None or session.size is None:
            return ""
        sample = next(iter(samples(images, session.note.contract, session.size)))
        return _compared(path, graph, sample.pixels, session.note.contract.peak)
    except EdgeImgqError:
        return ""


def _graph(folder: Path, note: FileNote) -> Path | None:
    """Return the graph that a file was made from."""
    reference = folder / REFERENCE_FOLDER
    if not note.quantized_sha256:
        path = reference / FLOAT_REFERENCE
        return path if path.is_file() and sha256_of(path) == note.reference_sha256 else None
    found = (path for path in sorted(reference.glob("*.onnx")))
    return next((path for path in found if sha256_of(path) == note.quantized_sha256), None)


def _compared(path: Path, graph: Path, pixels: NDArray[np.uint8], peak: float) -> str:
    from edge_imgq.runtime.litert_tensors import written_tensors
    from edge_imgq.runtime.onnx_tensors import tensors_of

    own = list(written_tensors(path, pixels, peak))
    names = [name for tensor in own for name in (tensor.name, tensor.name + QUANTIZED)]
    wanted = tensors_of(graph, names, to_nchw(pixels, peak))
    compared = 0
    for tensor in own:
        known = wanted.get(tensor.name + QUANTIZED, wanted.get(tensor.name))
        if known is None or known.ndim != 4:
            continue
        compared += 1
        if said := _off(tensor, known.transpose(0, 2, 3, 1)):
            return said
    if not compared:
        return ""
    return (
        f"each of {compared} tensors that the file shares with its graph is as there: what is lost "
        "is lost in the graph"
    )


def _off(tensor: WrittenTensor, known: NDArray[np.float32]) -> str:
    """Return in words how far a tensor is off; "" where only roundings differ."""
    start = f"the first tensor that is off is '{tensor.name}', which {tensor.operator} writes: "
    if tensor.values.shape != known.shape:
        return f"{start}{tensor.values.shape} in the file, {known.shape} in the graph"
    error = np.abs(tensor.values - known)
    allowed = STEPS * tensor.step if tensor.step else OF_RANGE * float(np.abs(known).max())
    off = ~(error <= allowed)  # NaN is off
    channels = np.flatnonzero(off.mean(axis=(0, 1, 2)) > MOST_OFF)
    if not len(channels):
        return ""
    share = float(off[..., channels].mean())
    where = f"channel {channels[0]}" if len(channels) == 1 else f"{len(channels)} channels"
    return f"{start}{share:.0%} of the values in {where} of {known.shape[3]}"
