"""Per-operator values in Model Explorer's node data format, which it overlays on the graph.

A file holds one value per node, by graph name and node key: the node's name, or that of a tensor
that it writes (`node_data_builder.py` of the package ai-edge-model-explorer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost
from edge_imgq.report.description import FileDescription, OperatorRow

MUCH = {"gradient": [{"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#ffa94d"}]}
"""Colours from the smallest to the largest value."""

NEAR = {
    "thresholds": [
        {"value": 45, "bgColor": "#ff8787"},
        {"value": 52, "bgColor": "#ffc078"},
        {"value": 58, "bgColor": "#ffec99"},
    ],
    "hideAggregatedStats": ["sum"],
    "hideInChildrenStatsTable": True,
}
"""Colours for dB up to each threshold; layers above the last one change hardly a pixel. Sums of dB
are meaningless and hidden."""


@dataclass(frozen=True)
class NodeData:
    """One value per node of a graph.

    Attributes:
        stem: Suffix of the file name, after the graph's.
        name: Title in Model Explorer.
        values: Value by node key; nodes without one are left out.
        shown: Display settings of Model Explorer: "gradient" or "thresholds", and what is hidden.
    """

    stem: str
    name: str
    values: Mapping[str, float]
    shown: Mapping[str, Any]

    def to_dict(self, graph: str) -> dict[str, Any]:
        """Return the JSON object of Model Explorer's node data file for a graph of this name.

        It is {graph: {"name": name, "results": {key: {"value": value}}}}, with the settings of
        `shown` beside "results".
        """
        results = {key: {"value": value} for key, value in self.values.items()}
        return {graph: {"name": self.name, "results": results, **self.shown}}


def node_data(description: FileDescription, layers: Sequence[LayerCost]) -> tuple[NodeData, ...]:
    """Return values per node of a file for Model Explorer: MACs, dB, error share and time share.

    MACs are those of one image. The others are of the float model's layers: PSNR in dB with this
    layer alone in int8, and error and estimated time in percent of all layers. Kinds of values
    without any are left out.

    Args:
        description: Description of the file.
        layers: Int8 cost per layer of its float model; empty if unknown.
    """
    rows = description.operators
    macs = {_key(row): row.macs for row in rows if row.macs}
    costs = dict(_costs(rows, layers))
    near = {key: round(cost.psnr, 2) for key, cost in costs.items()}
    error = {key: round(100 * (cost.weights + cost.output), 2) for key, cost in costs.items()}
    time = {key: round(100 * cost.time, 2) for key, cost in costs.items()}
    figures = (
        NodeData("macs", "MACs", macs, MUCH),
        NodeData("db", "dB, this layer alone in int8", near, NEAR),
        NodeData("error", "% of the error of all layers", error, MUCH),
        NodeData("time", "% of the time, estimated", time, MUCH),
    )
    return tuple(figure for figure in figures if figure.values)


def _key(row: OperatorRow) -> str:
    return row.node or row.name


def _costs(
    rows: Sequence[OperatorRow], layers: Sequence[LayerCost]
) -> Iterator[tuple[str, LayerCost]]:
    """Yield each layer with the key of its node, matched by node name or output tensor."""
    by_node = {row.node: row for row in rows if row.node}
    by_tensor = {row.name: row for row in rows}
    for layer in layers:
        row = by_node.get(layer.name) or by_tensor.get(layer.tensor)
        if row is not None:
            yield _key(row), layer
