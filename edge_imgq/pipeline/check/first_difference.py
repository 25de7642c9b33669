"""Where a file departs from the graph that it was made from: the first tensor that is off.

A file keeps the names of the graph's tensors, so both are run on one image and compared tensor by
tensor, in the order of the file's operators. That takes a runtime that shows what it computes
between them: LiteRT and ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, sha256_of
from edge_imgq.errors import EdgeImgqError
from edge_imgq.formats import format_of
from edge_imgq.images.layout import to_nchw
from edge_imgq.images.samples import ImageSet, samples
from edge_imgq.report.comparison import INVISIBLE
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Fidelity

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from edge_imgq.contract import FileNote
    from edge_imgq.report.report import TargetReport
    from edge_imgq.runtime.memory import MemoryPlan
    from edge_imgq.runtime.written_tensor import WrittenTensor

MOST_OFF = 0.01
"""Share of a channel's values that may be off: kernels round single values the other way."""

MOST_BYTES = 2 * 2**30
"""Of all tensors of a file together, which its runtime holds; larger ones are not looked at."""

GROUP_BYTES = 2**28
"""Of the tensors that are compared at once."""

LOOKED_AT = (192, 192)
"""Height and width of the image for files that take any."""

STEPS = 1.5
"""Steps that a value may be off; in the mean over a channel, half a step."""

OF_RANGE = 5e-3
"""Of a float tensor's largest value, what counts as its step: float16 takes a tenth of that."""

NO_FURTHER_DB = 0.1
"""What a file's images may be farther from the float model's than its graph's are."""


def first_difference(folder: Path, path: Path, images: ImageSet) -> str | Skipped | None:
    """Return a sentence on the first tensor of a file that is off its graph's.

    Args:
        folder: the model's, which holds `reference/`.
        path: of the file.
        images: the first of which is looked at.

    Returns:
        "" where every tensor that both have is as in the graph; why files of a format are not
        looked into; None where this one cannot be: it does not run, or its graph is not there.
    """
    from edge_imgq.runtime.open import open_session

    row = format_of(path)
    if row is None:
        return None
    if row.functions.tensors is None:
        return Skipped(
            f"which tensor is off is not told: {row.name} files do not hold the graph's tensors "
            "under their names and in their units"
        )
    try:
        note = row.functions.read_note(path)
        graph = _graph(folder, note)
        size = open_session(path).size or note.contract.fitting(LOOKED_AT)
        if graph is None or _bytes(row.functions.memory_plan(path, size)) > MOST_BYTES:
            return None
        sample = next(iter(samples(images, note.contract, size)))
        own = row.functions.tensors(path, sample.pixels, note.contract.peak)
        return first_differing_tensor(own, graph, sample.pixels, note.contract.peak)
    except EdgeImgqError:
        return None


def is_as_near_as_its_graph(figures: TargetReport) -> bool:
    """Tell whether a file's images are as far from the float model's as its graph's are.

    Tensors may then differ all the same: a kernel that rounds a coarse tensor's value the other way
    moves all that read it by several of their own steps.
    """
    graph, file = figures.quantization, figures.vs_reference
    if not isinstance(graph, Fidelity):  # its graph is the float model
        return file.mean >= INVISIBLE
    return abs(graph.mean - file.mean) <= NO_FURTHER_DB


def _bytes(plan: MemoryPlan) -> int:
    """Return what all tensors of a file need together."""
    return sum(plan.sizes[name] for step in plan.steps for name in step.writes)


def _graph(folder: Path, note: FileNote) -> Path | None:
    """Return the graph that a file was made from."""
    reference = folder / REFERENCE_FOLDER
    if not note.quantized_sha256:
        path = reference / FLOAT_REFERENCE
        return path if path.is_file() and sha256_of(path) == note.reference_sha256 else None
    found = (path for path in sorted(reference.glob("*.onnx")))
    return next((path for path in found if sha256_of(path) == note.quantized_sha256), None)


def first_differing_tensor(
    own: Iterable[WrittenTensor], graph: Path, pixels: NDArray[np.uint8], peak: float
) -> str | None:
    """Return in words where a file first differs from its graph on an image; None for nowhere.

    Args:
        own: the file's tensors, in the order of its operators.
        graph: the ONNX file that it was written from.
        pixels: image (H, W, C).
        peak: what the graph takes white for.
    """
    import onnx

    from edge_imgq.runtime.onnx_tensors import tensors_of

    model = onnx.load(graph)
    image, compared, rounded = to_nchw(pixels, peak), 0, _rounded(model)
    for group in _groups(own):
        # What a file holds in integers is what the graph has rounded to steps, if it has both.
        names = {t.name: rounded.get(t.name, t.name) if t.step else t.name for t in group}
        wanted = tensors_of(model, (*names, *names.values()), image)
        for tensor in group:
            known = wanted.get(names[tensor.name], wanted.get(tensor.name))
            if known is None or known.ndim != 4:
                continue
            compared += 1
            if said := _off(tensor, known.transpose(0, 2, 3, 1)):
                return said
    return "" if compared else None


def _rounded(model: onnx.ModelProto) -> dict[str, str]:
    """Return the names of a QDQ graph's tensors, each with that of its values in whole steps."""
    nodes = model.graph.node
    read = {n.output[0]: n.input[0] for n in nodes if n.op_type == "QuantizeLinear"}
    ends = ((n.input[0], n.output[0]) for n in nodes if n.op_type == "DequantizeLinear")
    return {read[codes]: values for codes, values in ends if codes in read}


def _groups(tensors: Iterable[WrittenTensor]) -> Iterator[list[WrittenTensor]]:
    """Yield tensors some at a time, so that few are held at once."""
    group: list[WrittenTensor] = []
    for tensor in tensors:
        group.append(tensor)
        if sum(one.values.nbytes for one in group) > GROUP_BYTES:
            yield group
            group = []
    yield group


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
