"""Find the layers with the largest errors by bisection, in few runs.

Squared errors of different roundings nearly add up. The list of roundings is bisected, and only
sublists with more than a share of the whole error are bisected further:

    error(sublist) ≥ SHARE · error(all)        at most 2/SHARE · log₂(roundings) runs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx_ir as ir

from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation, weights_of
from edge_imgq.quantize.mixed_precision.layer_costs import output_roundings
from edge_imgq.quantize.mixed_precision.worst_layer import WorstLayer

SHARE = 0.1
"""Share of the squared error from which a rounding is resolved and a layer reported."""

MAX_LAYERS = 5
"""Largest number of layers reported."""

Progress = Callable[[str], None]


def rounding_errors(
    graph: ir.Graph, ablation: LayerAblation, progress: Progress
) -> dict[str, float]:
    """Estimate the squared error that each rounding alone causes in the image, by bisection.

    The unit is the squared pixel range, mean over patches. Errors nearly add up, so lists of
    roundings are bisected: a sublist with less than 10 % of the whole error is not resolved, and
    its error is divided evenly among its roundings.

    Args:
        graph: float graph with the node names of the `ablation`'s graph.
        ablation: its quantized graph whose roundings can be switched off.
        progress: called with a line before every run.

    Returns:
        The error of every rounding in `ablation.names`, by its name.
    """
    owned = [
        name
        for node, outputs in output_roundings(graph, ablation.names).items()
        for name in (*outputs, weights_of(node.name or ""))
        if name in ablation.names
    ]
    ordered = [*owned, *sorted(ablation.names - set(owned))]
    least = SHARE * float(ablation.errors(ablation.names).mean())
    errors: dict[str, float] = {}
    groups: list[Sequence[str]] = [ordered] if ordered else []
    while groups:
        group = groups.pop()
        progress(f"look for the layers that lose most ({len(errors)} of {len(ordered)} roundings)")
        error = float(ablation.errors(set(group)).mean())
        if len(group) == 1 or error < least:
            errors.update(dict.fromkeys(group, error / len(group)))
        else:
            middle = len(group) // 2
            groups += [group[:middle], group[middle:]]
    return errors


def worst_layers(graph: ir.Graph, errors: Mapping[str, float]) -> tuple[WorstLayer, ...]:
    """List the layers with the largest errors, largest first; at most five.

    A layer is listed if its weights and output together have 10 % of the sum of all errors or more.

    Args:
        graph: float graph with the node names of the `ablation`'s graph.
        errors: errors of its roundings from `rounding_errors`.
    """
    total = sum(errors.values()) or 1.0
    worst = []
    for node, outputs in output_roundings(graph, errors).items():
        weights = errors.get(weights_of(node.name or ""), 0.0) / total
        output = sum(errors[name] for name in outputs) / total
        if weights + output >= SHARE:
            worst.append(WorstLayer(node.name or "", node.op_type, weights, output))
    worst.sort(key=lambda layer: -layer.weights - layer.output)
    return tuple(worst[:MAX_LAYERS])
