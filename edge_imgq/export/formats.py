"""Which function writes which format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.contract import FileNote

if TYPE_CHECKING:
    import onnx_ir as ir

    from edge_imgq.graph.network import Network

Size = tuple[int, int]
Writer = Callable[["ir.Model", Size, FileNote, Path], None]


def write_onnx(model: ir.Model, size: Size, note: FileNote, path: Path) -> None:  # noqa: ARG001
    """Write the graph as it is, height and width open, with the note in its metadata."""
    import onnx
    import onnx_ir as ir

    proto = ir.to_proto(model)
    onnx.helper.set_model_props(proto, note.to_strings())
    path.write_bytes(proto.SerializeToString(deterministic=True))


def write_tflite(model: ir.Model, size: Size, note: FileNote, path: Path) -> None:
    """Lower the graph at a size to a .tflite file, in the form that phones run fastest.

    The note in the file says so where that form asks for sides of a larger multiple.
    """
    from edge_imgq.export.tflite.forms.choose import fastest_forms
    from edge_imgq.export.tflite.lower import lower

    fast = fastest_forms(_bound(model, size, note))
    multiple = lcm(note.contract.multiple, fast.multiple)
    contract = replace(note.contract, multiple=multiple)
    path.write_bytes(lower(fast.network, replace(note, contract=contract)))


def write_coreml(model: ir.Model, size: Size, note: FileNote, path: Path) -> None:
    """Lower the graph at a size to an .mlpackage folder."""
    from edge_imgq.export.coreml.lower import save

    save(_bound(model, size, note), note, path)


WRITERS: dict[str, Writer] = {
    "onnx": write_onnx,
    "tflite": write_tflite,
    "coreml": write_coreml,
}
"""Format of a recipe → function that writes the file; each imports its own packages."""


def _bound(model: ir.Model, size: Size, note: FileNote) -> Network:
    from edge_imgq.graph.read import read_network
    from edge_imgq.graph.size import bind_size

    return replace(read_network(bind_size(model, size)), name=note.model)
