"""ncnn as an export format: a .param file of layers and a .bin file of weights.

Blobs `image` and `result` are float32 planes (C, H, W) in RGB order, 0 for black and the contract's
peak for white; blobs of further inputs and outputs have their names. The app converts pixels
(`ncnn::Mat::from_pixels`, then `substract_mean_normalize` with peak / 255).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError, UnsupportedOperatorError
from edge_imgq.export.export_spec import ExportSpec, Size, bound, refused_at_any_size
from edge_imgq.export.functions import FormatFunctions
from edge_imgq.export.ncnn.describe import describe, memory_plan
from edge_imgq.runtime.ncnn import LargestNumbers, open_session
from edge_imgq.runtime.ncnn_file import ParamAndBin, read_pair

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.export.ncnn.layers import Layer
    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.prepared import PreparedGraph

FLOAT16_MAX = 65504.0
"""Largest finite float16."""

GROWTHS = ((1, 1), (2, 3))
"""Multiples added to height and width to test other sizes."""


def write_ncnn(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    """Lower the graph at its one size to a .param file and a .bin file beside it.

    The note says whether the files run at other sizes; if not, the Input layer states the size.
    With `spec.float16_weights` weights are float16, and the app may compute in float16; else layers
    compute in float32. Existing files are replaced.

    Args:
        graph: float or QDQ graph.
        spec: settings with one (height, width), and the note to embed.
        path: the .param file.

    Raises:
        UnsupportedOperatorError: ncnn cannot express some operators.
        ModelError: weights exceed float16, or no convolution of a quantized network is int8 in
            ncnn.
    """
    from edge_imgq.export.ncnn.int8 import refuse_without_integers
    from edge_imgq.export.ncnn.layers import in_float, of_one_size, param_text, weight_bytes
    from edge_imgq.export.ncnn.lower import lower

    (size,) = spec.sizes
    network = bound(graph, size, spec.note)
    layers = lower(network, spec.note.contract)
    if network.is_quantized:
        refuse_without_integers(layers, spec.note)
    resizable = _takes_other_sizes(graph, size, spec.note, layers)
    layers = layers if resizable else of_one_size(layers)
    if spec.float16_weights:
        _refuse_wide(layers, spec.note)
    else:
        layers = in_float(layers)
    pair = ParamAndBin(
        text=param_text(layers),
        weights=weight_bytes(layers, spec.float16_weights),
        note=replace(spec.note, resizable=resizable),
        size=size,
        shapes={b: s for x in layers for b, s in zip(x.outputs, x.shapes, strict=True)},
    )
    pair.write(path)


def _refuse_wide(layers: tuple[Layer, ...], note: FileNote) -> None:
    """Refuse weights beyond the range of float16.

    Raises:
        ModelError: names the layer.
    """
    import numpy as np

    for layer in layers:
        for weight in layer.weights:
            if weight.is_tagged and float(np.abs(weight.values).max()) > FLOAT16_MAX:
                raise ModelError(
                    f"{layer.name}, a layer of '{note.model}', has weights beyond "
                    f"{FLOAT16_MAX:.0f}, where float16 ends. Use ncnn-float, or scale the weights "
                    "down."
                )


def _takes_other_sizes(
    graph: PreparedGraph, size: Size, note: FileNote, layers: tuple[Layer, ...]
) -> bool:
    """Return True if lowering at two other sizes gives the same layers."""
    from edge_imgq.export.ncnn.layers import param_text, weight_bytes
    from edge_imgq.export.ncnn.lower import lower

    def contents(lowered: tuple[Layer, ...]) -> tuple[str, bytes]:
        return param_text(lowered), weight_bytes(lowered, float16=False)

    multiple, own = note.contract.multiple, contents(layers)
    for rows, columns in GROWTHS:
        other = (size[0] + rows * multiple, size[1] + columns * multiple)
        try:
            network = bound(graph, other, note, cached=False)
            if contents(lower(network, note.contract)) != own:
                return False
        except (ModelError, UnsupportedOperatorError):
            return False
    return True


def refusals(graph: PreparedGraph, spec: ExportSpec) -> tuple[Refusal, ...]:
    """Return the operators that `write_ncnn` refuses.

    All of `spec.sizes` are tried; () if nothing is refused.

    Raises:
        ModelError: the graph does not accept a size.
    """
    from edge_imgq.export.ncnn.lower import refusals as refused

    return refused_at_any_size(graph, spec, refused)


def refuse_fp16_overflow(path: Path, photos: Iterable[NDArray[np.uint8]], peak: float) -> None:
    """Run a float16 file on photographs, and raise if a blob exceeds float16.

    `photos` are uint8 (H, W, C), `peak` is the float value of white. Overflow on other images is
    not ruled out.

    Raises:
        NonFiniteOutputError: names the first blob that overflows, and its magnitude.
        ModelError: the files are damaged, or were not written by edge-imgq.
    """
    from edge_imgq.runtime.fp16_overflow import refuse_overflow

    refuse_overflow(photos, read_pair(path).size, LargestNumbers(path, peak), "phones")


FUNCTIONS = FormatFunctions(
    write=write_ncnn,
    refusals=refusals,
    open_session=open_session,
    read_note=lambda path: read_pair(path).note,
    describe=lambda path, _size: describe(path),
    memory_plan=lambda path, _size: memory_plan(path),
    refuse_fp16_overflow=refuse_fp16_overflow,
)
"""The size passed to `describe` and `memory_plan` is ignored: a file states its own."""
