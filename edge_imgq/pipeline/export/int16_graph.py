"""Write the QDQ graph with activations of 16 bits that files for NPUs are lowered from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import sha256_of
from edge_imgq.contract import FileNote
from edge_imgq.export.onnx_format import write_reference

if TYPE_CHECKING:
    from edge_imgq.graph.prepared import PreparedGraph


def int16_stem(graph: str) -> str:
    """Return the stem of the file that holds the int16 form of a QDQ graph.

    "int8" gives "int8-int16".
    """
    return f"{graph}-int16"


def write_int16_graph(
    graph: PreparedGraph, note: FileNote, path: Path
) -> tuple[PreparedGraph, str]:
    """Write the int16 form of a QDQ graph beside it (`with_int16_activations`).

    Its name is `int16_stem` of the graph's; an existing file is overwritten.

    Args:
        graph: QDQ graph with int8 activations; it is not changed.
        note: metadata of that graph.
        path: its file.

    Returns:
        The graph with int16 activations and the SHA-256 of its file.

    Raises:
        OSError: the file cannot be written.
    """
    from edge_imgq.graph.prepared import prepared_graph
    from edge_imgq.quantize.qdq.int16_activations import with_int16_activations

    beside = path.with_stem(int16_stem(path.stem))
    model = with_int16_activations(graph.model)
    write_reference(model, replace(note, target=beside.stem), beside)
    return prepared_graph(model, (), kernels=graph.kernels), sha256_of(beside)
