"""What each layer costs, in the output image and in time.

A layer's cost in the image is that of its roundings alone: of its weights, and of what it writes.
Everything else stays exact meanwhile. Squared errors of different layers add up nearly, since they
are hardly correlated; so shares of their sum say where the loss is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import onnx_ir as ir

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.fusion import fused_activation, stored_output
from edge_imgq.quantize.mixed_precision.float_layers import layers
from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation, decibels, weights_of

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs.

    Attributes:
        name: of the node, as a recipe names it.
        kind: ONNX operator.
        precision: "int8", "float", or "" for an operator that follows its neighbours.
        psnr: dB between the float image and that with the roundings of this layer alone.
        weights: squared error by its weights, of that of all layers: 0 … 1.
        output: the same by what it writes.
        time: estimated share of the time of the whole network: 0 … 1.
        tensor: what it writes, or the activation that is fused to it.
    """

    name: str
    kind: str
    precision: str
    psnr: float
    weights: float
    output: float
    time: float
    tensor: str


@dataclass(frozen=True)
class Roundings:
    """Squared errors that single switches of a board cause, mean over patches.

    Attributes:
        errors: by the name of the switch.
        psnr: dB of the image with all of them.
    """

    errors: Mapping[str, float]
    psnr: float


def measure_roundings(board: LayerAblation, progress: Progress) -> Roundings:
    """Turn each rounding on by itself."""
    errors = {}
    for done, name in enumerate(sorted(board.names)):
        progress(done, len(board.names))
        errors[name] = float(board.errors({name}).mean())
    return Roundings(errors, board.psnr(board.names))


def layer_costs(
    graph: ir.Graph, board: LayerAblation, roundings: Roundings, times: Mapping[str, float]
) -> tuple[LayerCost, ...]:
    """Return what the layers of a graph cost, in their order, and other operators that round.

    Args:
        graph: float graph, with the marks of its precision.
        board: of its quantized form.
        roundings: by themselves.
        times: of the layers, by name.
    """
    total, whole = sum(roundings.errors.values()) or 1.0, sum(times.values()) or 1.0
    weighted = set(layers(graph))
    rows = []
    for node, outputs in written_switches(graph, board.names).items():
        name = node.name or ""
        precision = ("float" if is_marked(node) else "int8") if node in weighted else ""
        weights = weights_of(name)
        rows.append(
            LayerCost(
                name,
                node.op_type,
                precision,
                decibels(board.errors({*outputs, weights} & board.names)),
                roundings.errors.get(weights, 0.0) / total,
                sum(roundings.errors[output] for output in outputs) / total,
                times.get(name, 0.0) / whole,
                stored_output(node).name or "",
            )
        )
    return tuple(rows)


def written_switches(graph: ir.Graph, switches: Iterable[str]) -> dict[ir.Node, tuple[str, ...]]:
    """Return the switches of what nodes of a float graph write: of all layers, and all that round.

    A fused activation belongs to the layer before it.
    """
    owners: dict[str, ir.Node] = {}
    for node in graph:
        follower = fused_activation(node)
        if follower is not None:
            owners[follower.outputs[0].name or ""] = node
        for value in node.outputs:
            owners.setdefault(value.name or "", node)
    found: dict[ir.Node, tuple[str, ...]] = dict.fromkeys(layers(graph), ())
    for name in sorted(switches):
        if name in owners:
            found[owners[name]] = (*found.get(owners[name], ()), name)
    return {node: found[node] for node in graph if node in found}
