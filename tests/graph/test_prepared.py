"""A graph is rewritten once and bound once to a size, whoever asks."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.graph.pass_pipeline import PhaseRecord
from edge_imgq.pipeline.open_model.source import Source

from .build import model


def source() -> Source:
    nodes = [
        helper.make_node("Identity", ["image"], ["same"]),
        helper.make_node("Conv", ["same", "w"], ["out"], name="conv", pads=[1] * 4),
    ]
    contract = ImageContract("image-to-image", 1, "rgb")
    return Source(
        "m", model(nodes, {"w": np.ones((3, 3, 3, 3), np.float32)}), contract, is_own=False
    )


def test_passes_run_once_and_leave_the_model_as_it_was() -> None:
    opened = source()
    graph = opened.prepared(("canonical",))
    assert opened.prepared(["canonical"]) is graph
    assert opened.prepared() is not graph
    assert [node.op_type for node in graph.model.graph] == ["Conv"]
    assert [node.op_type for node in opened.model.graph] == ["Identity", "Conv"]


def test_who_watches_sees_every_phase_of_the_graph_that_others_get() -> None:
    opened, seen = source(), list[str]()
    before = opened.prepared(("canonical",))

    def watcher(record: PhaseRecord, _: ir.Model) -> None:
        seen.append(record.phase)

    watched = opened.prepared(("canonical",), watcher=watcher)
    assert seen[0] == "tidy"
    assert opened.prepared(("canonical",)) is watched is not before


def test_a_size_is_bound_once_and_kept_where_it_is_asked_for_again() -> None:
    graph = source().prepared()
    passing = graph.once_at((8, 10))
    kept = graph.at((8, 10))
    assert kept is not passing
    assert graph.at((8, 10)) is kept is graph.once_at((8, 10))
    assert kept.inputs[0].shape == passing.inputs[0].shape == (1, 3, 8, 10)
    assert graph.at((6, 4)).outputs[0].shape == (1, 3, 6, 4)


def test_a_size_that_does_not_fit_is_refused_each_time() -> None:
    nodes = [helper.make_node("Conv", ["image", "w"], ["out"], name="conv")]
    contract = ImageContract("image-to-image", 1, "rgb")
    graph = Source(
        "m", model(nodes, {"w": np.ones((3, 3, 3, 3), np.float32)}), contract, is_own=False
    ).prepared()
    for _ in range(2):
        with pytest.raises(ModelError, match="nothing is left"):
            graph.at((1, 1))
