"""Core AI as an export format: `.aimodel` folders.

Input `image` and output `result` are float32 (1, C, H, W), integer levels 0 to 255, in RGB order. A
result that is not an image is float32 in 0 to the peak.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.export.coreai.describe import describe, memory_plan
from edge_imgq.export.export_spec import ExportSpec, bound, refused_at_any_size
from edge_imgq.export.functions import FormatFunctions
from edge_imgq.runtime.coreai import open_session
from edge_imgq.runtime.coreai_file import open_asset

if TYPE_CHECKING:
    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.prepared import PreparedGraph


IMAGE_ALONE = (
    "a Core AI file here takes one photograph as it is. Bind the other inputs (--bind), or use the "
    "coreml targets."
)


def write_coreai(graph: PreparedGraph, spec: ExportSpec, path: Path) -> None:
    """Lower the graph at its one size to an .aimodel folder.

    Args:
        graph: float or QDQ graph with one image input.
        spec: settings with one (height, width), and the note to embed.
        path: folder of the file, which must not exist; removed on failure.

    Raises:
        UnsupportedOperatorError: lists every operation that the format cannot express.
        ModelError: a value exceeds float16, the graph does not accept the size or contradicts the
            contract, there is another input than one image, or Core AI's compiler fails.
    """
    from edge_imgq.export.coreai.asset import save

    (size,) = spec.sizes
    save(bound(graph, size, spec.note), spec.note, path)


def refusals(graph: PreparedGraph, spec: ExportSpec) -> tuple[Refusal, ...]:
    """Return the operators and inputs that `write_coreai` refuses.

    All of `spec.sizes` are tried; () if nothing is refused.

    Raises:
        ModelError: the graph does not accept a size.
    """
    from edge_imgq.export.coreml.program import refusals as refused
    from edge_imgq.export.refusal import Refusal
    from edge_imgq.graph.ports.port_feeds import graph_inputs

    kind = spec.note.contract
    inputs = (
        [] if kind.takes_image_alone else [str(v.name) for v in graph_inputs(graph.model.graph)]
    )
    # An image of another layout is the one input that is refused.
    ports = tuple(Refusal("Input", name, IMAGE_ALONE) for name in inputs[1:] or inputs)
    return ports + refused_at_any_size(graph, spec, refused)


FUNCTIONS = FormatFunctions(
    write=write_coreai,
    refusals=refusals,
    open_session=open_session,
    read_note=lambda path: open_asset(path).note,
    describe=lambda path, _size: describe(path),
    memory_plan=lambda path, _size: memory_plan(path),
)
"""The size passed to `describe` and `memory_plan` is ignored: a file states its own."""
