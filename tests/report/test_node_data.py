"""Figures of operators as Model Explorer takes them: one for each node, by names of the file."""

from __future__ import annotations

from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost
from edge_imgq.report.description import FileDescription, OperatorRow
from edge_imgq.report.node_data import node_data
from edge_imgq.skipped import Skipped

KEYS = {"name", "results", "gradient", "thresholds", "hideAggregatedStats",
        "hideInChildrenStatsTable"}  # fmt: skip
"""Fields of `GraphNodeData` in the package ai-edge-model-explorer 0.1.34 that are used here."""

CONV = LayerCost("conv1", "Conv", "int8", 50.125, 0.4, 0.2, 0.5, "relu1")
LOST = LayerCost("gone", "Conv", "int8", 60.0, 0.1, 0.3, 0.5, "gone")


def described(rows: tuple[OperatorRow, ...]) -> FileDescription:
    return FileDescription("X", (), (), rows, 0, 0, 0, 0, Skipped("not asked"), graph="main")


def row(name: str, node: str, macs: int) -> OperatorRow:
    return OperatorRow("CONV", name, (1,), "int8", macs, 0, node=node)


def test_a_layer_is_at_the_node_of_its_name_else_at_its_tensor() -> None:
    onnx_rows = (row("a", "conv1", 90), row("relu1", "relu", 0))
    for rows, key in ((onnx_rows, "conv1"), ((row("relu1", "", 90),), "relu1")):
        found = {figure.stem: figure for figure in node_data(described(rows), (CONV, LOST))}
        values = {stem: figure.values for stem, figure in found.items()}
        assert values == {
            "macs": {key: 90}, "db": {key: 50.12}, "error": {key: 60.0}, "time": {key: 50.0}
        }  # fmt: skip
        for figure in found.values():
            ((graph, contents),) = figure.to_dict("main").items()
            assert graph == "main"
            assert set(contents) <= KEYS
            assert contents["results"] == {key: {"value": figure.values[key]}}
            (colours,) = {"gradient", "thresholds"} & set(contents)
            assert all(colour["bgColor"].startswith("#") for colour in contents[colours])


def test_what_is_not_known_has_no_file() -> None:
    assert [f.stem for f in node_data(described((row("a", "", 5),)), ())] == ["macs"]
    assert not node_data(described((row("a", "", 0),)), ())
