"""The layers that make most of the loss, found in a few runs, however many layers there are.

Squared errors of different roundings add up nearly. So all roundings are halved again and again,
and only halves that make more than a share of the whole error are looked into:

    error(half) ≥ SHARE · error(all)        at most 2/SHARE · log₂(roundings) runs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx_ir as ir

from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation, weights_of
from edge_imgq.quantize.mixed_precision.layer_costs import written_switches
from edge_imgq.quantize.mixed_precision.worst_layer import WorstLayer

SHARE = 0.1
"""Part of the squared error from which on a rounding is loud."""

MOST = 5
"""Layers that are named."""

Progress = Callable[[str], None]


def rounding_errors(graph: ir.Graph, board: LayerAblation, progress: Progress) -> dict[str, float]:
    """Return the squared error of each rounding, mean over patches; of quiet ones, about.

    Args:
        graph: float graph, nodes named as the board's.
        board: of its quantized form.
        progress: told what is being measured.
    """
    owned = [
        name
        for node, outputs in written_switches(graph, board.names).items()
        for name in (*outputs, weights_of(node.name or ""))
        if name in board.names
    ]
    ordered = [*owned, *sorted(board.names - set(owned))]
    least = SHARE * float(board.errors(board.names).mean())
    errors: dict[str, float] = {}
    groups: list[Sequence[str]] = [ordered] if ordered else []
    while groups:
        group = groups.pop()
        progress(f"look for the layers that lose most ({len(errors)} of {len(ordered)} roundings)")
        error = float(board.errors(set(group)).mean())
        if len(group) == 1 or error < least:
            errors.update(dict.fromkeys(group, error / len(group)))
        else:
            middle = len(group) // 2
            groups += [group[:middle], group[middle:]]
    return errors


def worst_layers(graph: ir.Graph, errors: Mapping[str, float]) -> tuple[WorstLayer, ...]:
    """Return the loudest layers of a graph, the loudest first; none where all lose alike.

    Args:
        graph: float graph, nodes named as the board's.
        errors: of its roundings, by `rounding_errors`.
    """
    total = sum(errors.values()) or 1.0
    found = []
    for node, outputs in written_switches(graph, errors).items():
        weights = errors.get(weights_of(node.name or ""), 0.0) / total
        output = sum(errors[name] for name in outputs) / total
        if weights + output >= SHARE:
            found.append(WorstLayer(node.name or "", node.op_type, weights, output))
    found.sort(key=lambda layer: -layer.weights - layer.output)
    return tuple(found[:MOST])
