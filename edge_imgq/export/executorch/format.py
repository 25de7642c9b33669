"""ExecuTorch as an export format: a .pte file for XNNPACK and portable kernels.

Method `forward` takes and returns the image as float32 (1, C, H, W) in RGB order, 0 for black and
the contract's peak for white; further inputs follow the image. Method `edge_imgq` returns the note
as JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import write_bytes
from edge_imgq.contract import FileNote
from edge_imgq.export.export_spec import ExportSpec, Size, refused_at_any_size
from edge_imgq.export.functions import FormatFunctions

if TYPE_CHECKING:
    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.prepared import PreparedGraph
    from edge_imgq.report.description import FileDescription
    from edge_imgq.runtime.memory import MemoryPlan
    from edge_imgq.runtime.protocol import Placement, Session


def write_executorch(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    """Lower the graph at its one size to a .pte file.

    Raises:
        UnsupportedOperatorError: lists every operator that `refusals` returns.
    """
    from edge_imgq.export.executorch.lower import lower
    from edge_imgq.export.refusal import as_error
    from edge_imgq.graph.shapes.size import bind_size

    if found := refusals(graph, spec):
        raise as_error("ExecuTorch", spec.note.model, found)
    (size,) = spec.sizes
    write_bytes(path, lower(bind_size(graph.model, size), spec.note))


def refusals(graph: PreparedGraph, spec: ExportSpec) -> tuple[Refusal, ...]:
    """Return the operators that cannot be expressed in torch."""
    from edge_imgq.export.executorch.lower import misused, without_form
    from edge_imgq.graph.shapes.size import bind_size

    found = refused_at_any_size(graph, spec, without_form)
    return found or misused(bind_size(graph.model, spec.sizes[0]))


def open_session(path: Path, threads: int) -> Session:
    """Load a file in ExecuTorch; see `edge_imgq.runtime.executorch`."""
    from edge_imgq.runtime.executorch import open_session as opened

    return opened(path, threads)


def read_note(path: Path) -> FileNote:
    """Read the note in a file; see `edge_imgq.runtime.executorch_file`."""
    from edge_imgq.runtime.executorch_file import read_note as read

    return read(path)


def describe(path: Path, size: Size | None) -> FileDescription:  # noqa: ARG001
    """Describe a file at its exported size; see `edge_imgq.export.executorch.describe`."""
    from edge_imgq.export.executorch.describe import describe as described

    return described(path)


def memory_plan(path: Path, size: Size) -> MemoryPlan:  # noqa: ARG001
    """List the operators and tensor sizes of a file; see `edge_imgq.export.executorch.describe`."""
    from edge_imgq.export.executorch.describe import memory_plan as planned

    return planned(path)


def placement(path: Path) -> Placement:
    """Report the operators that XNNPACK runs; see `edge_imgq.runtime.executorch`."""
    from edge_imgq.runtime.executorch import placement as placed

    return placed(path)


FUNCTIONS = FormatFunctions(
    write=write_executorch,
    refusals=refusals,
    open_session=open_session,
    read_note=read_note,
    describe=describe,
    memory_plan=memory_plan,
    placement=placement,
)
