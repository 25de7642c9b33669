"""Mark the layers of an int8 graph that a recipe keeps in float.

A layer is a convolution with its fused activation. A float layer keeps its float weights. Its
output is rounded to int8 only where an int8 layer or the image reads it; between two float layers
nothing is rounded. Operators without weights (additions, concatenations, shuffles, …) also compute
in float if all their neighbours do.

The marks are those of `edge_imgq.graph.float_regions`, so the quantizer and the lowerings need not
know why a node computes in float.
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
    """List the nodes whose precision can be chosen, in graph order.

    These are Conv and ConvTranspose with constant weights.
    """
    return [
        node for node in graph if node.op_type in WEIGHT_AXIS and edit.is_constant(node.inputs[1])
    ]


def mark_precision(graph: ir.Graph, precision: Mapping[str, str]) -> None:
    """Mark the nodes that compute in float, in place: named layers and what lies between them.

    Args:
        graph: float graph after all other rewrites, as it will be quantized.
        precision: "int8" or "float" by layer name; layers not named are int8, unless an earlier
            pass marked them.

    Raises:
        RecipeError: no layer has a name in `precision`.
    """
    known = [node.name or "" for node in layers(graph)]
    for name in precision:
        if name not in known:
            raise RecipeError(_unknown(name, known))
    for node in float_nodes(graph, {name for name, kind in precision.items() if kind == "float"}):
        mark_float(node)


def float_nodes(graph: ir.Graph, names: Collection[str]) -> set[ir.Node]:
    """Return all nodes that compute in float if the named layers do; nothing is marked.

    They are the layers, their fused activations, and operators without weights between float nodes.
    Names that no layer has are ignored. Nodes marked before count as float neighbours, but are not
    returned.
    """
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
    """Return True if a value is written and read only by the given nodes and is not a graph output.

    A graph input, which no node writes, is not inner.
    """
    producer = value.producer()
    if producer is None or producer not in nodes or value.is_graph_output():
        return False
    return all(reader in nodes for reader in value.consumers())


def _surrounded(node: ir.Node, nodes: AbstractSet[ir.Node]) -> bool:
    """Return True if the given nodes write all inputs of a node and read all its outputs."""
    read = [value for value in node.inputs if value is not None and not edit.is_constant(value)]
    if not read:
        return True
    return all(is_inner(value, nodes) for value in [*read, *node.outputs])


def _unknown(name: str, known: Collection[str]) -> str:
    hint = did_you_mean(name, known)
    return (
        f"[precision] names '{name}', which is not a layer of the network after the passes of the "
        f"recipe.{hint} `edge-imgq sensitivity` lists the layers."
    )
