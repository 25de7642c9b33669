"""Layers that compute in float inside an int8 graph, as a recipe asks for them.

A layer is a convolution with its fused activation. One in float keeps its weights as they are. What
it writes is rounded to int8 only where a layer that stays int8 reads it, or the image: between two
float layers nothing is rounded. Operators without weights (additions, concatenations, shuffles, …)
follow: where all around one computes in float, it does too.

The marks are those of `edge_imgq.graph.float_regions`, so quantizer and lowerings need not know why
a node computes in float.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet

import onnx_ir as ir

from edge_imgq.errors import RecipeError
from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked, mark_float
from edge_imgq.graph.fusion import fused_activation
from edge_imgq.graph.operators import WEIGHT_AXIS
from edge_imgq.wording import did_you_mean


def layers(graph: ir.Graph) -> list[ir.Node]:
    """Return the nodes that a precision may be chosen for, in order."""
    return [
        node for node in graph if node.op_type in WEIGHT_AXIS and edit.is_constant(node.inputs[1])
    ]


def mark_precision(graph: ir.Graph, precision: Mapping[str, str]) -> None:
    """Mark what computes in float, in place.

    Args:
        graph: float graph, rewritten as it will be quantized.
        precision: "int8" or "float" by the name of a layer; others are int8.

    Raises:
        RecipeError: there is no layer of that name.
    """
    known = [node.name or "" for node in layers(graph)]
    for name in precision:
        if name not in known:
            raise RecipeError(_unknown(name, known))
    for node in float_nodes(graph, {name for name, kind in precision.items() if kind == "float"}):
        mark_float(node)


def float_nodes(graph: ir.Graph, names: Collection[str]) -> set[ir.Node]:
    """Return the nodes that compute in float where layers of some names do."""
    chosen = {node for node in layers(graph) if node.name in names}
    chosen |= {node for node in map(fused_activation, chosen) if node is not None}
    if not chosen:
        return chosen
    given = chosen | {node for node in graph if is_marked(node)}
    weighted = set(layers(graph))
    inner = {node for node in graph if node not in weighted and node not in given}
    while outer := {node for node in inner if not _surrounded(node, given | inner)}:
        inner -= outer
    return chosen | inner


def is_inner(value: ir.Value, nodes: AbstractSet[ir.Node]) -> bool:
    """Tell whether a value is computed and read by some nodes alone."""
    producer = value.producer()
    if producer is None or producer not in nodes or value.is_graph_output():
        return False
    return all(reader in nodes for reader in value.consumers())


def _surrounded(node: ir.Node, nodes: AbstractSet[ir.Node]) -> bool:
    """Tell whether all that a node reads and writes is computed and read by some nodes alone."""
    read = [value for value in node.inputs if value is not None and not edit.is_constant(value)]
    if not read:
        return True
    return all(is_inner(value, nodes) for value in [*read, *node.outputs])


def _unknown(name: str, known: Collection[str]) -> str:
    hint = did_you_mean(name, known)
    return (
        f"[precision] names '{name}', which is no layer of the network after the passes of the "
        f"recipe.{hint} `edge-imgq sensitivity` lists the layers."
    )
