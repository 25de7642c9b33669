"""A zip archive: the graph without its numbers, and each constant as a file of numpy's."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import size_of, write_bytes
from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError
from edge_imgq.export.export_spec import ExportSpec, Size, bound, refused_at_any_size
from edge_imgq.export.functions import FormatFunctions
from edge_imgq.export.refusal import Refusal, as_error

if TYPE_CHECKING:
    import onnx

    from edge_imgq.graph.network import Network
    from edge_imgq.graph.prepared import PreparedGraph
    from edge_imgq.report.description import FileDescription
    from edge_imgq.runtime.memory import MemoryPlan
    from edge_imgq.runtime.protocol import Session

GRAPH, NOTE = "graph.onnx", "note.json"
UNWANTED = {"Sigmoid": "this archive is for networks without gates."}


def refused(network: Network) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(operation.kind, operation.name, UNWANTED[operation.kind])
        for operation in network.operations
        if operation.kind in UNWANTED
    )


def refusals(graph: PreparedGraph, spec: ExportSpec) -> tuple[Refusal, ...]:
    return refused_at_any_size(graph, spec, refused)


def write(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    import numpy as np
    import onnx_ir as ir
    from onnx import numpy_helper

    for size in spec.sizes:
        if found := refused(bound(graph, size, spec.note)):
            raise as_error("Zipped", spec.note.model, found)
    proto, data = ir.to_proto(graph.model), io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for tensor in proto.graph.initializer:
            array = io.BytesIO()
            np.save(array, numpy_helper.to_array(tensor))
            archive.writestr(zipfile.ZipInfo(f"{tensor.name}.npy"), array.getvalue())
        del proto.graph.initializer[:]
        archive.writestr(zipfile.ZipInfo(GRAPH), proto.SerializeToString(deterministic=True))
        archive.writestr(zipfile.ZipInfo(NOTE), json.dumps(spec.note.to_strings()))
    write_bytes(path, data.getvalue())


def read_note(path: Path) -> FileNote:
    return FileNote.from_strings(json.loads(contents(path)[NOTE]), str(path))


def contents(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is no archive of ours, or damaged: {error}.") from error


def model_in(path: Path) -> onnx.ModelProto:
    import numpy as np
    import onnx
    from onnx import numpy_helper

    files = contents(path)
    model = onnx.load_model_from_string(files[GRAPH])
    for name, data in files.items():
        if name.endswith(".npy"):
            array = np.load(io.BytesIO(data))
            model.graph.initializer.append(numpy_helper.from_array(array, name[: -len(".npy")]))
    return model


def open_session(path: Path, threads: int) -> Session:
    from edge_imgq.runtime.onnxruntime import OnnxSession

    return OnnxSession(model_in(path), read_note(path), threads)


def describe(path: Path, size: Size | None) -> FileDescription:
    from edge_imgq.report.description import FileDescription, OperatorRow, TensorRow
    from edge_imgq.runtime.memory import known_memory

    note, network = read_note(path), network_at(path, size or (24, 32))
    rows = tuple(
        OperatorRow(op.kind, op.outputs[0].name, op.outputs[0].shape, "float32", 0, 0)
        for op in network.operations
    )
    ends = [
        TensorRow(tensor.name, (*tensor.shape[:2], "h", "w"), "float32")
        for tensor in (network.inputs[0], network.outputs[0])
    ]
    return FileDescription(
        format="Zipped",
        inputs=(ends[0],),
        outputs=(ends[1],),
        operators=rows,
        parameters=0,
        zeros=0,
        macs=0,
        bytes=size_of(path),
        memory=known_memory(path, size or (24, 32)),
        note=note,
    )


def network_at(path: Path, size: Size) -> Network:
    import onnx_ir as ir

    from edge_imgq.graph.prepared import PreparedGraph

    return bound(PreparedGraph(ir.from_proto(model_in(path))), size, read_note(path))


def memory_plan(path: Path, size: Size) -> MemoryPlan:
    import math

    from edge_imgq.runtime.memory import MemoryPlan, PlannedOperator

    network = network_at(path, size)
    operations = network.operations
    tensors = [*network.inputs, *(tensor for op in operations for tensor in op.outputs)]
    return MemoryPlan(
        tuple(
            PlannedOperator(
                op.kind,
                tuple(t.name for t in op.inputs if t is not None and t.data is None),
                tuple(t.name for t in op.outputs),
            )
            for op in operations
        ),
        {tensor.name: 4 * math.prod(tensor.shape) for tensor in tensors},
        (network.inputs[0].name,),
        (network.outputs[0].name,),
        size,
    )


FUNCTIONS = FormatFunctions(
    write=write,
    refusals=refusals,
    open_session=open_session,
    read_note=read_note,
    describe=describe,
    memory_plan=memory_plan,
)
