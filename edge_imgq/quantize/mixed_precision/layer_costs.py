"""Cost of each layer in image error and in time.

The image error of a layer is that of its roundings alone, of its weights and its output, while
everything else stays exact. Errors of different layers are hardly correlated, so their squares
nearly add up, and shares of the sum attribute the loss.
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
    """Cost of one layer in image error and time.

    Attributes:
        name: name of the node, as recipes use it.
        kind: ONNX operator.
        precision: "int8", "float", or "" for an operator without weights.
        psnr: PSNR in dB of the image with the roundings of this layer alone.
        weights: squared error from rounding the weights, as a share of the sum over all, 0 to 1.
        output: squared error from rounding the output, as a share of the sum over all, 0 to 1.
        time: estimated share of the network's time, 0 to 1.
        tensor: name of the stored output, after the fused activation if there is one.
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
    """Errors of the roundings, each measured alone.

    Attributes:
        errors: squared error by name of the rounding, in squared pixel ranges, mean over patches.
        psnr: PSNR in dB of the image with all roundings.
    """

    errors: Mapping[str, float]
    psnr: float


def measure_roundings(ablation: LayerAblation, progress: Progress) -> Roundings:
    """Measure the squared error of each rounding alone, one run per rounding.

    In squared pixel ranges, mean over the patches of `ablation`; also the PSNR in dB with all
    roundings.

    Args:
        ablation: quantized graph whose roundings can be switched off.
        progress: called before each run with the number of roundings measured and their total.
    """
    errors = {}
    for done, name in enumerate(sorted(ablation.names)):
        progress(done, len(ablation.names))
        errors[name] = float(ablation.errors({name}).mean())
    return Roundings(errors, ablation.psnr(ablation.names))


def layer_costs(
    graph: ir.Graph, ablation: LayerAblation, roundings: Roundings, times: Mapping[str, float]
) -> tuple[LayerCost, ...]:
    """Compute the costs of all layers and other rounding operators, in graph order.

    A cost has the PSNR in dB with that node alone rounded, and its shares of the whole squared
    error and of the time. Each node takes a run.

    Args:
        graph: float graph with precision marks.
        ablation: its quantized graph whose roundings can be switched off.
        roundings: errors of the roundings, each measured alone.
        times: estimated time of each node by name; only ratios matter.
    """
    total, whole = sum(roundings.errors.values()) or 1.0, sum(times.values()) or 1.0
    weighted = set(layers(graph))
    rows = []
    for node, outputs in output_roundings(graph, ablation.names).items():
        name = node.name or ""
        precision = ("float" if is_marked(node) else "int8") if node in weighted else ""
        weights = weights_of(name)
        rows.append(
            LayerCost(
                name,
                node.op_type,
                precision,
                decibels(ablation.errors({*outputs, weights} & ablation.names)),
                roundings.errors.get(weights, 0.0) / total,
                sum(roundings.errors[output] for output in outputs) / total,
                times.get(name, 0.0) / whole,
                stored_output(node).name or "",
            )
        )
    return tuple(rows)


def output_roundings(graph: ir.Graph, names: Iterable[str]) -> dict[ir.Node, tuple[str, ...]]:
    """Map nodes of a float graph to the roundings of their outputs.

    All layers and all other nodes with a rounded output are included, in graph order. The output of
    a fused activation belongs to the layer before it. Roundings of weights are left out; a layer
    without a rounded output has an empty tuple.

    Args:
        graph: float graph with the node names of the ablation's graph.
        names: names of roundings, as in `LayerAblation.names`.
    """
    owners: dict[str, ir.Node] = {}
    for node in graph:
        follower = fused_activation(node)
        if follower is not None:
            owners[follower.outputs[0].name or ""] = node
        for value in node.outputs:
            owners.setdefault(value.name or "", node)
    outputs: dict[ir.Node, tuple[str, ...]] = dict.fromkeys(layers(graph), ())
    for name in sorted(names):
        if name in owners:
            outputs[owners[name]] = (*outputs.get(owners[name], ()), name)
    return {node: outputs[node] for node in graph if node in outputs}
