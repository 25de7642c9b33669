"""Find the sums of a residual trunk that float regions feed, which can compute in float too.

In x ← x + block(x) · gate(x) the product is in float. Where the sum is in int8, the product is
rounded at the scale of the sum, which is the wider one, again in each block. With the sums in float
the trunk is never rounded from its first convolution to its end; int8 layers read a rounded copy.
A sum in float takes no more time than one in int8, and saves a conversion.

A trunk consists of sums whose operands all come from float regions, from other sums of the trunk or
from a convolution of the image's few channels; of these convolutions; and of depthwise 1×1
convolutions of float values, such as the affine of a norm.

`edge_imgq.quantize.prepare.float_operators` decides whether that pays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, reads_few_channels
from edge_imgq.graph.fusion import fused_activation
from edge_imgq.quantize.scales.shared_scales import only_added

if TYPE_CHECKING:
    from edge_imgq.quantize.ranges.ranges import ChannelRange


def find_trunk(graph: ir.Graph) -> list[ir.Node]:
    """Return the nodes of residual trunks that still compute in int8; empty without a sum.

    A trunk's nodes are Adds whose operands all come from float regions, from other such sums or
    from a convolution of the image's few channels, with these convolutions, and depthwise 1×1
    convolutions of float values. Nothing is marked.
    """
    trunk: list[ir.Node] = []
    for node in graph:
        if not is_marked(node) and fused_activation(node) is None and _continues(node, trunk):
            trunk.append(node)
    starts = {
        producer: None  # an ordered set
        for node in trunk
        for producer in (value.producer() for value in node.inputs if value is not None)
        if producer is not None and is_first_layer(producer)
    }
    return [*starts, *trunk] if any(node.op_type == "Add" for node in trunk) else []


def is_first_layer(node: ir.Node) -> bool:
    """Return True if a node is an int8 convolution of a graph input with at most 4 channels.

    No activation may be fused to it.
    """
    source = node.inputs[0] if node.inputs else None
    return (
        reads_few_channels(node)
        and source is not None
        and source.is_graph_input()
        and not is_marked(node)
        and fused_activation(node) is None
    )


def ranges_as_added(
    graph: ir.Graph, observed: Mapping[str, ChannelRange]
) -> dict[str, ChannelRange]:
    """Widen the ranges of values that are only added, in int8, to those of their sums.

    Such a value is stored at the scale of the sum (`edge_imgq.quantize.scales.exact_addition`).
    Values with per-channel ranges of another count than the sum's keep theirs.

    Args:
        graph: float graph; it is not changed.
        observed: ranges of its activations, by value name; it is not changed.
    """
    widened = dict(observed)
    for node in graph:
        if node.op_type not in ("Add", "Sub") or is_marked(node):
            continue
        total = observed.get(node.outputs[0].name or "")
        for value in node.inputs:
            own = (
                observed.get(value.name or "") if value is not None and only_added(value) else None
            )
            if value is not None and own is not None and total is not None:
                alike = own.low.shape == total.low.shape
                widened[value.name or ""] = own.widened(total) if alike else own
    return widened


def _continues(node: ir.Node, trunk: Collection[ir.Node]) -> bool:
    """Return True if a node belongs to a trunk whose nodes before it are known."""

    def is_inside(value: ir.Value | None) -> bool:
        producer = None if value is None else value.producer()
        return producer is not None and (is_marked(producer) or producer in trunk)

    if node.op_type == "Conv":
        return is_inside(node.inputs[0]) and _is_affine(node)
    if node.op_type != "Add" or not _are_images_of_one_size(node.inputs):
        return False
    inside = [is_inside(value) for value in node.inputs]
    return any(inside) and all(is_inside(value) or _starts(value) for value in node.inputs)


def _starts(value: ir.Value | None) -> bool:
    producer = None if value is None else value.producer()
    return producer is not None and is_first_layer(producer)


def _is_affine(node: ir.Node) -> bool:
    """Return True if a convolution multiplies each channel by a constant and adds one."""
    if node.attributes.get_int("group", 1) == 1 or not edit.is_constant(node.inputs[1]):
        return False
    return bool(edit.contents(node.inputs[1]).shape[1:] == (1, 1, 1))


def _are_images_of_one_size(values: Collection[ir.Value | None]) -> bool:
    shapes = [None if value is None else value.shape for value in values]
    sides = [None if s is None else [d if isinstance(d, int) else None for d in s] for s in shapes]
    return sides[0] is not None and len(sides[0]) == 4 and sides[0] == sides[-1]
