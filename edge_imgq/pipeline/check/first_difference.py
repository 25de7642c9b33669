"""Find the first tensor in which a file differs from the graph that it was made from.

A file keeps the names of the graph's tensors. Both run on one image and are compared tensor by
tensor in the order of the file's operators. This needs a runtime that exposes intermediate tensors:
LiteRT or ONNX Runtime.
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

MAX_DIFFERING_SHARE = 0.01
"""Largest share of a channel's values that may differ: kernels round single values differently."""

MAX_BYTES = 2 * 2**30
"""Largest total size in bytes of a file's tensors, which its runtime keeps; larger files are
skipped."""

GROUP_BYTES = 2**28
"""Size in bytes of the tensors compared at once."""

LOOKED_AT = (192, 192)
"""Height and width of the image for files that take any size."""

MAX_LEVELS = 1.5
"""Largest difference of a value in levels; the mean of a channel may differ by 0.5."""

OF_RANGE = 5e-3
"""Step of a float tensor as a share of its largest magnitude; float16 needs a tenth."""

NO_FURTHER_DB = 0.1
"""Largest difference in dB between file and graph, each against the float model."""


def first_difference(folder: Path, path: Path, images: ImageSet) -> str | Skipped | None:
    """Return a sentence on the first tensor of a file that differs from its graph.

    Both run on one image, at 192 × 192 pixels if the file takes any size. A tensor differs if more
    than 1 % of a channel's values are more than 1.5 levels off, or its mean more than 0.5.

    Args:
        folder: folder of the model with `reference/`.
        path: path of the file.
        images: image set whose first image is used.

    Returns:
        "" if all shared tensors agree; `Skipped` if the format does not expose tensors; None if the
        file does not run, has tensors of more than 2 GiB, or its graph is missing.
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
        if graph is None or _bytes(row.functions.memory_plan(path, size)) > MAX_BYTES:
            return None
        sample = next(iter(samples(images, note.contract, size)))
        own = row.functions.tensors(path, sample.pixels, note.contract.peak)
        return first_differing_tensor(own, graph, sample.pixels, note.contract.peak)
    except EdgeImgqError:
        return None


def is_as_near_as_its_graph(figures: TargetReport) -> bool:
    """Return True if a file's mean PSNR to the float model is within 0.1 dB of its graph's.

    For a float file, if that PSNR is 60 dB or more. Intermediate tensors may differ nevertheless: a
    value of a coarse tensor that is rounded differently shifts its consumers by several of their
    own levels.
    """
    graph, file = figures.quantization, figures.vs_reference
    if not isinstance(graph, Fidelity):  # its graph is the float model
        return file.mean >= INVISIBLE
    return abs(graph.mean - file.mean) <= NO_FURTHER_DB


def _bytes(plan: MemoryPlan) -> int:
    """Return the total size in bytes of a file's tensors."""
    return sum(plan.sizes[name] for operator in plan.operators for name in operator.writes)


def _graph(folder: Path, note: FileNote) -> Path | None:
    """Return the path of the graph that a file was made from; None if it is missing."""
    reference = folder / REFERENCE_FOLDER
    if not note.quantized_sha256:
        path = reference / FLOAT_REFERENCE
        return path if path.is_file() and sha256_of(path) == note.reference_sha256 else None
    graphs = (path for path in sorted(reference.glob("*.onnx")))
    return next((path for path in graphs if sha256_of(path) == note.quantized_sha256), None)


def first_differing_tensor(
    own: Iterable[WrittenTensor], graph: Path, pixels: NDArray[np.uint8], peak: float
) -> str | None:
    """Return a sentence on the first tensor that differs from the graph; "" if none does.

    A tensor differs if more than 1 % of a channel's values are more than 1.5 levels
    off, or the channel's mean more than 0.5. The level of a float tensor is 0.5 % of its largest
    magnitude. Channels in another order do not count, except in the graph's outputs: a pass may
    reorder them in front of a pixel shuffle, whose result is compared.

    Args:
        own: the file's tensors in operator order, (N, H, W, C).
        graph: ONNX file that the file was written from.
        pixels: uint8 image (H, W, C).
        peak: float value of pixel 255 in the graph.

    Returns:
        The sentence; None if file and graph share no tensor.
    """
    import onnx

    from edge_imgq.runtime.onnx_tensors import tensors_of

    model = onnx.load(graph)
    image, compared, rounded = to_nchw(pixels, peak), 0, _rounded(model)
    outputs = {value.name for value in model.graph.output}
    for group in _groups(own):
        # A tensor stored as integers is compared with the graph's rounded one, if there is one.
        names = {t.name: rounded.get(t.name, t.name) if t.scale else t.name for t in group}
        wanted = tensors_of(model, (*names, *names.values()), image)
        for tensor in group:
            known = wanted.get(names[tensor.name], wanted.get(tensor.name))
            if known is None or known.ndim != 4:
                continue
            compared += 1
            expected = known.transpose(0, 2, 3, 1)
            said = _off(tensor, expected)
            if said and (tensor.name in outputs or not _is_reordered(tensor, expected)):
                return said
    return "" if compared else None


def _rounded(model: onnx.ModelProto) -> dict[str, str]:
    """Return tensor name → name of its dequantized values, for a QDQ graph."""
    nodes = model.graph.node
    read = {n.output[0]: n.input[0] for n in nodes if n.op_type == "QuantizeLinear"}
    ends = ((n.input[0], n.output[0]) for n in nodes if n.op_type == "DequantizeLinear")
    return {read[codes]: values for codes, values in ends if codes in read}


def _groups(tensors: Iterable[WrittenTensor]) -> Iterator[list[WrittenTensor]]:
    """Yield tensors in groups of limited size, to limit memory."""
    group: list[WrittenTensor] = []
    for tensor in tensors:
        group.append(tensor)
        if sum(one.values.nbytes for one in group) > GROUP_BYTES:
            yield group
            group = []
    yield group


def _is_reordered(tensor: WrittenTensor, known: NDArray[np.float32]) -> bool:
    """Return True if a tensor has the channels of the graph's tensor in another order.

    Channels are matched by the order of their products with one random image.
    """
    values = tensor.values
    if values.shape != known.shape:
        return False
    weights = np.random.default_rng(0).standard_normal(known.shape[1:3], np.float32)
    own, other = (np.tensordot(weights, both[0], 2) for both in (values, known))
    order = np.empty(known.shape[3], np.intp)
    order[np.argsort(own)] = np.argsort(other)
    return not _off(tensor, known[..., order])


def _off(tensor: WrittenTensor, known: NDArray[np.float32]) -> str:
    """Return a sentence on how a tensor differs; "" if the differences are rounding."""
    start = f"the first tensor that is off is '{tensor.name}', which {tensor.operator} writes: "
    if tensor.values.shape != known.shape:
        return f"{start}{tensor.values.shape} in the file, {known.shape} in the graph"
    error = tensor.values - known
    scale = tensor.scale or OF_RANGE * float(np.abs(known).max())
    off = ~(np.abs(error) <= MAX_LEVELS * scale)  # NaN is off
    off |= np.abs(error.mean(axis=(0, 1, 2))) > scale / 2
    channels = np.flatnonzero(off.mean(axis=(0, 1, 2)) > MAX_DIFFERING_SHARE)
    if not len(channels):
        return ""
    share = float(off[..., channels].mean())
    where = f"channel {channels[0]}" if len(channels) == 1 else f"{len(channels)} channels"
    return f"{start}{share:.0%} of the values in {where} of {known.shape[3]}"
