"""ONNX as an export format, and the writer of the reference graphs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError
from edge_imgq.export.export_spec import ExportSpec, Size
from edge_imgq.export.functions import FormatFunctions

if TYPE_CHECKING:
    import numpy as np
    import onnx
    import onnx_ir as ir
    from numpy.typing import NDArray

    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.prepared import PreparedGraph
    from edge_imgq.report.description import FileDescription
    from edge_imgq.runtime.memory import MemoryPlan
    from edge_imgq.runtime.protocol import Session
    from edge_imgq.runtime.written_tensor import WrittenTensor


def write_reference(model: ir.Model, note: FileNote, path: Path) -> None:
    """Write a model unmodified, with the note in its metadata properties.

    An existing file is overwritten. Equal models give equal bytes.

    Raises:
        OSError: the file cannot be written.
    """
    import onnx_ir as ir

    _save(ir.to_proto(model), note, path)


def write_onnx(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    """Write the graph for apps, with open height and width and uint8 instead of int8.

    Exactly the same numbers are computed. int8 constants and zero points become uint8
    (`edge_imgq.export.uint8_qdq`), and Max operators keep ONNX Runtime's optimisations from
    changing quantizations, float weights and pools (`edge_imgq.export.double_rounding`,
    `edge_imgq.export.float_weights`, `edge_imgq.export.exact_pools`). An existing file is
    overwritten.

    Args:
        graph: float or QDQ graph.
        spec: its note is embedded; sizes and the other settings are not used.
        path: the .onnx file.

    Raises:
        OSError: the file cannot be written.
    """
    import onnx_ir as ir

    from edge_imgq.export.double_rounding import keep_both_roundings
    from edge_imgq.export.exact_pools import keep_exact
    from edge_imgq.export.float_weights import keep_float_weights
    from edge_imgq.export.uint8_qdq import to_unsigned

    proto = ir.to_proto(graph.model)
    to_unsigned(proto)
    keep_both_roundings(proto)
    keep_float_weights(proto)
    keep_exact(proto)
    _save(proto, spec.note, path)


def _save(proto: onnx.ModelProto, note: FileNote, path: Path) -> None:
    from onnx.helper import set_model_props

    set_model_props(proto, note.to_strings())
    path.write_bytes(proto.SerializeToString(deterministic=True))


def refusals(graph: PreparedGraph, spec: ExportSpec) -> tuple[Refusal, ...]:  # noqa: ARG001
    """Return (): ONNX expresses every graph, so nothing is refused."""
    return ()


def open_session(path: Path, threads: int) -> Session:
    """Load a file in ONNX Runtime.

    Args:
        path: the .onnx file.
        threads: CPU threads.

    Raises:
        UsageError: the file does not exist.
        ModelError: the file is damaged, or was not written by edge-imgq.
        UnopenedFileError: ONNX Runtime cannot open it.
    """
    from edge_imgq.runtime.onnxruntime import open_session as opened

    return opened(path, threads)


def read_note(path: Path) -> FileNote:
    """Read the note in the metadata properties of an .onnx file.

    Raises:
        ModelError: the file cannot be read, or was not written by edge-imgq.
        UsageError: the file does not exist.
    """
    from edge_imgq.graph.load.load import read_onnx

    pairs = {pair.key: pair.value for pair in read_onnx(path).metadata_props}
    return FileNote.from_strings(pairs, str(path))


def describe(path: Path, size: Size | None) -> FileDescription:
    """Describe an .onnx file: inputs, outputs, operators, parameters, multiply-accumulates.

    `size` is the (height, width) at which multiply-accumulates are counted; None for the file's
    size, or 180 × 320 where it is open.

    Raises:
        UsageError: the file does not exist.
        ModelError: the file is not ONNX, or does not fit the size.
    """
    from edge_imgq.export.onnx_description import describe as described

    return described(path, size)


def memory_plan(path: Path, size: Size) -> MemoryPlan:
    """List a file's operators in execution order, and the sizes of its tensors in bytes.

    Sizes are those at the file's own (height, width), or at `size` where it is open. The file takes
    one image.

    Raises:
        ModelError: the shape or type of a tensor is unknown.
    """
    import onnx_ir as ir

    return plan_of(ir.load(path), size, str(path))


def plan_of(model: ir.Model, size: Size, name: str) -> MemoryPlan:
    """List a model's operators in execution order, and the sizes of its tensors in bytes.

    They are those at the model's own height and width, or at `size` where these are open. Constants
    have no size.

    Args:
        model: with one image as input.
        size: (height, width) for open sides.
        name: name of the model, for messages.

    Raises:
        ModelError: the shape or type of a tensor is unknown, or the model does not accept the size.
    """
    from edge_imgq.graph.shapes.size import bind_size, own_size
    from edge_imgq.runtime.memory import MemoryPlan, PlannedOperator

    at = own_size(model) or size
    graph = bind_size(model, at).graph
    sizes = {}
    for value in (*graph.inputs, *(output for node in graph for output in node.outputs)):
        if value.shape is None or value.dtype is None or not value.shape.is_static():
            raise ModelError(f"{name} does not say how large {value.name} is.")
        sizes[str(value.name)] = math.prod(value.shape.numpy()) * int(value.dtype.itemsize)

    def named(values: Iterable[ir.Value | None]) -> tuple[str, ...]:
        return tuple(str(value.name) for value in values if value is not None)

    operators = (
        PlannedOperator(node.op_type, named(node.inputs), named(node.outputs)) for node in graph
    )
    return MemoryPlan(tuple(operators), sizes, named(graph.inputs), named(graph.outputs), at)


def tensors(path: Path, pixels: NDArray[np.uint8], peak: float) -> Iterator[WrittenTensor]:
    """Yield the rank-4 tensors that ONNX Runtime computes from an image, in node order.

    They are float32 (N, H, W, C); quantized ones are dequantized. `pixels` are uint8 (H, W, C),
    `peak` is the float value of white.
    """
    from edge_imgq.runtime.onnx_tensors import written_tensors

    return written_tensors(path, pixels, peak)


FUNCTIONS = FormatFunctions(
    write=write_onnx,
    refusals=refusals,
    open_session=open_session,
    read_note=read_note,
    describe=describe,
    memory_plan=memory_plan,
    tensors=tensors,
)
