"""One batch for all inputs of a graph: the image's channels, then those of each further input.

So whatever handles images (patches, tiles, calibration, torch) handles networks of several inputs,
without knowing of them. A plane lies in channels of its own; a vector's numbers are channels that
are the same everywhere, of which the first pixel is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

Batch = TypeVar("Batch", bound=Any)
"""An array or a tensor (N, C, H, W)."""

Entry = tuple[str, tuple[Any, ...]]
"""Name and shape (N, C, H, W) of an input; the channels of one that is not alone are known."""


def split_ports(batch: Batch, entries: Sequence[Entry]) -> dict[str, Batch]:
    """Return what each input gets of a batch, by name.

    Args:
        batch: (N, C, H, W), C those of all inputs together.
        entries: the inputs, the image first.
    """
    if len(entries) == 1:
        return {entries[0][0]: batch}
    found, start = {}, 0
    for name, shape in entries:
        part = batch[:, start : start + shape[1]]
        found[name] = part[:, :, :1, :1] if is_one_pixel(shape) else part
        start += shape[1]
    return found


def is_one_pixel(shape: Sequence[Any]) -> bool:
    """Tell whether an input (N, C, H, W) holds numbers of a whole image."""
    return tuple(shape[2:]) == (1, 1)


def graph_inputs(graph: ir.Graph) -> list[ir.Value]:
    """Return the float inputs of a graph, the image first."""
    return [
        value
        for value in graph.inputs
        if not value.is_initializer() and value.shape is not None and len(value.shape) == 4
    ]


def further_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs (N, C, H, W) of a graph beside the image, which is the first."""
    constants = {tensor.name for tensor in graph.initializer}
    others = [value for value in graph.input[1:] if value.name not in constants]
    return [value for value in others if len(value.type.tensor_type.shape.dim) == 4]


def session_entries(session: Any) -> list[Entry]:
    """Return the image inputs of a session of ONNX Runtime."""
    found = [(entry.name, tuple(entry.shape)) for entry in session.get_inputs()]
    return [entry for entry in found if len(entry[1]) == 4]
