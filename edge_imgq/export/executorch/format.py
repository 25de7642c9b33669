"""ExecuTorch as an export format: a .pte file for XNNPACK and portable kernels.

Method `forward` takes and returns the image as float32 (1, C, H, W) in RGB order, 0 for black and
the contract's peak for white; further inputs and outputs follow the image. Method `edge_imgq`
returns the note as JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import write_bytes
from edge_imgq.export.executorch.describe import describe, memory_plan
from edge_imgq.export.export_spec import ExportSpec, refused_at_any_size
from edge_imgq.export.functions import FormatFunctions
from edge_imgq.runtime.executorch import open_session, placement
from edge_imgq.runtime.executorch_file import read_note

if TYPE_CHECKING:
    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.prepared import PreparedGraph


def write_executorch(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    """Lower the graph at its one size to a .pte file for XNNPACK and portable kernels.

    Method `forward` takes and returns float32 (1, C, H, W), 0 for black and the contract's peak for
    white. An existing file is replaced atomically.

    Args:
        graph: float or QDQ graph.
        spec: settings with one (height, width), and the note to embed.
        path: the .pte file.

    Raises:
        UnsupportedOperatorError: lists every operator that `refusals` returns.
        ModelError: the graph does not accept the size.
        OutputError: the file cannot be written.
    """
    from edge_imgq.export.executorch.lower import lower
    from edge_imgq.export.refusal import as_error
    from edge_imgq.graph.shapes.size import bind_size

    if refused := refusals(graph, spec):
        raise as_error("ExecuTorch", spec.note.model, refused)
    (size,) = spec.sizes
    write_bytes(path, lower(bind_size(graph.model, size), spec.note))


def refusals(graph: PreparedGraph, spec: ExportSpec) -> tuple[Refusal, ...]:
    """Return the operators that cannot be expressed in torch, with reasons; () if there are none.

    Operators without a torch lowering are sought at all sizes; only if there are none, operators
    whose attributes torch cannot express, at the first size.

    Raises:
        ModelError: the graph does not accept a size.
    """
    from edge_imgq.export.executorch.lower import misused, without_lowering
    from edge_imgq.graph.shapes.size import bind_size

    refused = refused_at_any_size(graph, spec, without_lowering)
    return refused or misused(bind_size(graph.model, spec.sizes[0]))


FUNCTIONS = FormatFunctions(
    write=write_executorch,
    refusals=refusals,
    open_session=open_session,
    read_note=read_note,
    describe=lambda path, _size: describe(path),
    memory_plan=lambda path, _size: memory_plan(path),
    placement=placement,
)
"""The size passed to `describe` and `memory_plan` is ignored: a file states its own."""
