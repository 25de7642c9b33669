"""Core ML as an export format: .mlpackage folders."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.contract import FileNote
from edge_imgq.export.export_spec import ExportSpec, Size, bound, refused_at_any_size
from edge_imgq.export.functions import FormatFunctions

if TYPE_CHECKING:
    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.prepared import PreparedGraph
    from edge_imgq.report.description import FileDescription
    from edge_imgq.runtime.memory import MemoryPlan
    from edge_imgq.runtime.protocol import Session


def write_coreml(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    """Lower the graph at its one size to an .mlpackage folder.

    A float graph computes in float16, a QDQ graph with int8 weights and activations. `save`
    describes the file.

    Args:
        graph: float or QDQ graph.
        spec: settings with one (height, width), and the note to embed.
        path: folder of the package, which must not exist; removed on failure.

    Raises:
        UnsupportedOperatorError: lists every operation that Core ML cannot express.
        ModelError: a value exceeds float16, the graph does not accept the size, or its inputs or
            outputs contradict the contract.
        OSError: the disk is full or the folder cannot be written.
    """
    from edge_imgq.export.coreml.lower import save

    (size,) = spec.sizes
    save(bound(graph, size, spec.note), spec.note, path)


def refusals(graph: PreparedGraph, spec: ExportSpec) -> tuple[Refusal, ...]:
    """Return the operators that `write_coreml` refuses.

    All of `spec.sizes` are tried; () if nothing is refused.

    Raises:
        ModelError: the graph does not accept a size.
    """
    from edge_imgq.export.coreml.program import refusals as refused

    return refused_at_any_size(graph, spec, refused)


def open_session(path: Path, threads: int) -> Session:
    """Load a package in Core ML, or in the reference evaluator where Core ML is missing.

    Args:
        path: folder of the package.
        threads: CPU threads of the reference evaluator; Core ML chooses its own.

    Raises:
        ModelError: the package is missing or damaged, or is no ML Program.
        RuntimeUnavailableError: this Mac's Core ML does not load the package.
    """
    from edge_imgq.runtime.coreml import open_session as opened

    return opened(path, threads)


def read_note(path: Path) -> FileNote:
    """Read the note in a package.

    Raises:
        ModelError: the package is missing or damaged, or was not written by edge-imgq.
    """
    from edge_imgq.runtime.mil.package import read_note as read

    return read(path)


def describe(path: Path, size: Size | None) -> FileDescription:  # noqa: ARG001
    """Describe a package from disk: inputs, outputs, operators, parameters, multiply-accumulates.

    `size` is ignored: a package has one size.

    Raises:
        ModelError: the package is missing or damaged.
    """
    from edge_imgq.export.coreml.describe import describe as described

    return described(path)


def memory_plan(path: Path, size: Size) -> MemoryPlan:  # noqa: ARG001
    """List a package's operators in execution order, and tensor sizes in bytes.

    Sizes are of the types that the program declares; a tensor of another type than those in DTYPES
    of `edge_imgq.runtime.mil.program` (a string) is left out. `size` is ignored.

    Raises:
        ModelError: the package is missing or damaged.
    """
    import numpy as np

    from edge_imgq.runtime.memory import MemoryPlan, PlannedOperator
    from edge_imgq.runtime.mil.package import open_package
    from edge_imgq.runtime.mil.program import DTYPES, read_program

    program = read_program(open_package(path))
    sizes = {
        name: math.prod(value.shape) * np.dtype(DTYPES[value.dtype.upper()]).itemsize
        for name, value in program.declared.items()
        if value.dtype.upper() in DTYPES
    }
    operators = (
        PlannedOperator(
            statement.kind,
            tuple(name for names in statement.inputs.values() for name in names),
            tuple(value.name for value in statement.outputs),
        )
        for statement in program.statements
    )
    inputs = tuple(value.name for value in program.inputs)
    own = program.inputs[0].shape[2:4]
    return MemoryPlan(tuple(operators), sizes, inputs, program.outputs, (own[0], own[1]))


FUNCTIONS = FormatFunctions(
    write=write_coreml,
    refusals=refusals,
    open_session=open_session,
    read_note=read_note,
    describe=describe,
    memory_plan=memory_plan,
)
