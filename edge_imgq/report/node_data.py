"""Figures of a file's operators as Model Explorer's node data: JSON that it lays over the graph.

A file holds one figure for each node, by the graph's name and a key of the node: its own name, or
that of a tensor that it writes (`node_data_builder.py` of the package ai-edge-model-explorer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost
from edge_imgq.report.description import FileDescription, OperatorRow

MUCH = {"gradient": [{"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#ffa94d"}]}
"""From the least figure to the largest."""

NEAR = {
    "thresholds": [
        {"value": 45, "bgColor": "#ff8787"},
        {"value": 52, "bgColor": "#ffc078"},
        {"value": 58, "bgColor": "#ffec99"},
    ],
    "hideAggregatedStats": ["sum"],
    "hideInChildrenStatsTable": True,
}
"""Colours of dB up to each value; above the last, a layer costs nothing that pixels keep. Sums of
dB mean nothing, and are hidden."""


@dataclass(frozen=True)
class NodeData:
    """One figure of each node.

    Attributes:
        stem: what its file is called, after that of the graph.
        name: what Model Explorer calls it.
        values: by node; what has none is left out.
        shown: "gradient" or "thresholds", with what it consists of, and what is hidden.
    """

    stem: str
    name: str
    values: Mapping[str, float]
    shown: Mapping[str, Any]

    def form(self, graph: str) -> dict[str, Any]:
        """Return the file's JSON, for a graph of this name."""
        results = {key: {"value": value} for key, value in self.values.items()}
        return {graph: {"name": self.name, "results": results, **self.shown}}


def node_data(description: FileDescription, layers: Sequence[LayerCost]) -> tuple[NodeData, ...]:
    """Return multiply-accumulates, dB, error and time of a file's nodes; figures of none go.

    Args:
        description: of the file.
        layers: what the layers of its float model cost; none where that is not known.
    """
    rows = description.operators
    macs = {_key(row): row.macs for row in rows if row.macs}
    costs = dict(_costs(rows, layers))
    near = {key: round(cost.psnr, 2) for key, cost in costs.items()}
    error = {key: round(100 * (cost.weights + cost.output), 2) for key, cost in costs.items()}
    time = {key: round(100 * cost.time, 2) for key, cost in costs.items()}
    found = (
        NodeData("macs", "MACs", macs, MUCH),
        NodeData("db", "dB, this layer alone in int8", near, NEAR),
        NodeData("error", "% of the error of all layers", error, MUCH),
        NodeData("time", "% of the time, estimated", time, MUCH),
    )
    return tuple(figure for figure in found if figure.values)


def _key(row: OperatorRow) -> str:
    return row.node or row.name


def _costs(
    rows: Sequence[OperatorRow], layers: Sequence[LayerCost]
) -> Iterator[tuple[str, LayerCost]]:
    """Yield layers by the key of the node that computes them: of their name, or of their tensor."""
    by_node = {row.node: row for row in rows if row.node}
    by_tensor = {row.name: row for row in rows}
    for layer in layers:
        row = by_node.get(layer.name) or by_tensor.get(layer.tensor)
        if row is not None:
            yield _key(row), layer
