"""ExecuTorch as a format of exported files: a .pte file, for XNNPACK and portable kernels.

The image enters method `forward` as float32 (1, C, H, W), with 0 for black and the contract's peak
for white, R G B in that order, and leaves it so; further inputs follow the image. Method
`edge_imgq` returns the note as JSON.
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
        UnsupportedOperatorError: names every operator that `refusals` returns.
    """
    from edge_imgq.export.executorch.lower import lower
    from edge_imgq.export.refusal import as_error
    from edge_imgq.graph.shapes.size import bind_size

    if found := refusals(graph, spec):
        raise as_error("ExecuTorch", spec.note.model, found)
    (size,) = spec.sizes
    write_bytes(path, lower(bind_size(graph.model, size), spec.note))


def refusals(graph: PreparedGraph, spec: ExportSpec) -> tuple[Refusal, ...]:
    """Return the operators that a torch program of a graph cannot hold."""
    from edge_imgq.export.executorch.lower import misused, without_form
    from edge_imgq.graph.shapes.size import bind_size

    found = refused_at_any_size(graph, spec, without_form)
    return found or misused(bind_size(graph.model, spec.sizes[0]))


def open_session(path: Path, threads: int) -> Session:
    """Reopen a file in ExecuTorch; see `edge_imgq.runtime.executorch`."""
    from edge_imgq.runtime.executorch import open_session as opened

    return opened(path, threads)


def read_note(path: Path) -> FileNote:
    """Return what a file says about itself; see `edge_imgq.runtime.executorch_file`."""
    from edge_imgq.runtime.executorch_file import read_note as read

    return read(path)


def describe(path: Path, size: Size | None) -> FileDescription:  # noqa: ARG001
    """Return what a file consists of, at its own size; see `.describe`."""
    from edge_imgq.export.executorch.describe import describe as described

    return described(path)


def memory_plan(path: Path, size: Size) -> MemoryPlan:  # noqa: ARG001
    """Return the operators and tensors of a file at its own size."""
    from edge_imgq.export.executorch.describe import memory_plan as planned

    return planned(path)


def placement(path: Path) -> Placement:
    """Return who runs the operators of a file; see `edge_imgq.runtime.executorch`."""
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
