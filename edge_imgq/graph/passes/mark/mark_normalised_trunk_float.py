"""Keep the sums that normalisations read (the residual trunk) in float.

In x ← x + block(norm(x)), a norm over channels divides each pixel by its own magnitude. Where that
is small, the norm amplifies the rounding of x to eight bits: one level of the trunk becomes many
levels of the block's input. The norm dequantizes x anyway, so the trunk x stays in float from sum
to sum, and only the blocks' inputs and outputs are quantized. That saves two conversions, and a
float addition takes no longer than an integer one. The first convolution, with the image's few
input channels, stays in float if only the trunk reads it.

Nodes are only marked (`edge_imgq.graph.float_regions`).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float, reads_few_channels
from edge_imgq.graph.fusion import fused_activation

SUMS = ("Add", "Sub")


def mark_normalised_trunk_float(model: ir.Model) -> int:
    """Mark the sums of a residual trunk that norms over channels read, to be computed in float.

    In x ← x + block(norm(x)) the trunk x then stays in float when the graph is quantized. A first
    convolution of at most 4 input channels is marked with it if only the trunk reads it. Marks are
    metadata of nodes; the float graph computes the same. Time is at most quadratic in the number of
    sums: they are dropped in rounds where they feed no float value.

    Args:
        model: edited in place.

    Returns:
        The number of sums marked.
    """
    first = {node for node in model.graph if _is_first(node)}
    trunk = _sums(model.graph, first)
    starts = {node for node in first if _stays(node.outputs[0], trunk)}
    trunk = _sums(model.graph, starts)
    while idle := {node for node in trunk if not _keeps(node, trunk | starts)}:
        trunk -= idle
    for node in trunk | {node for node in starts if _stays(node.outputs[0], trunk)}:
        mark_float(node)
    return len(trunk)


def _sums(graph: ir.Graph, first: AbstractSet[ir.Node]) -> set[ir.Node]:
    """Return the sums that a norm reads, and the sums that read those or a first convolution."""
    sums: set[ir.Node] = set()
    for node in graph:
        if _is_sum(node) and (_feeds_norm(node.outputs[0]) or _reads(node, sums | first)):
            sums.add(node)
    return sums


def _is_sum(node: ir.Node) -> bool:
    if node.op_type not in SUMS or is_marked(node) or fused_activation(node) is not None:
        return False
    one, other = node.inputs
    return not any(map(edit.is_constant, (one, other))) and _are_alike(one, other)


def _are_alike(one: ir.Value | None, other: ir.Value | None) -> bool:
    """Return True if two values have equal shapes; open sides compare equal."""
    sides = [_known_sides(value) for value in (one, other)]
    return sides[0] is not None and sides[0] == sides[1]


def _known_sides(value: ir.Value | None) -> list[int | None] | None:
    shape = None if value is None else value.shape
    return None if shape is None else [d if isinstance(d, int) else None for d in shape]


def _feeds_norm(value: ir.Value) -> bool:
    """Return True if a marked mean over channels reads a value or its square."""
    return any(
        _is_channel_mean(reader)
        or (reader.op_type == "Mul" and any(map(_is_channel_mean, reader.outputs[0].consumers())))
        for reader in value.consumers()
        if is_marked(reader)
    )


def _is_channel_mean(node: ir.Node) -> bool:
    if node.op_type != "ReduceMean" or not is_marked(node) or len(node.inputs) < 2:
        return False
    axes = node.inputs[1]
    return edit.is_constant(axes) and edit.contents(axes).reshape(-1).tolist() in ([1], [-3])


def _reads(node: ir.Node, trunk: AbstractSet[ir.Node]) -> bool:
    return any(edit.find_producer(value) in trunk for value in node.inputs)


def _is_first(node: ir.Node) -> bool:
    """Return True for an unmarked convolution of few input channels whose output a norm reads."""
    if not reads_few_channels(node) or is_marked(node) or fused_activation(node) is not None:
        return False
    return _feeds_norm(node.outputs[0])


def _keeps(node: ir.Node, trunk: AbstractSet[ir.Node]) -> bool:
    """Return True if a sum reads or writes a value that stays in float."""
    operands = [value for value in node.inputs if edit.find_producer(value) in trunk]
    return any(value is not None and _stays(value, trunk) for value in [*operands, node.outputs[0]])


def _stays(value: ir.Value, trunk: AbstractSet[ir.Node]) -> bool:
    readers = value.consumers()
    return bool(readers) and all(is_marked(node) or node in trunk for node in readers)
