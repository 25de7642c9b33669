"""Graphs that are hard to prepare become ones that run; the original stays."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.quantize.error_model.channel_sensitivity import image_weights
from edge_imgq.quantize.prepare.preparation import prepare
from edge_imgq.quantize.quantize import quantize
from tests.graph.build import model, run, weights
from tests.quantize.build import (
    CONTRACT,
    RECIPE,
    as_input,
    photo,
    residual_network,
)


def test_the_original_is_not_touched() -> None:
    original = residual_network()
    before = ir.to_proto(original).SerializeToString(deterministic=True)
    quantize(original, RECIPE, CONTRACT, [photo()])
    assert ir.to_proto(original).SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("case", ["black", "dead channel", "outlier", "tiny weights"])
def test_awkward_cases_still_give_a_model_that_runs(case: str) -> None:
    network = residual_network()
    photos = [np.zeros((16, 16, 3), np.uint8)] if case == "black" else [photo()]
    values = network.graph.initializers["w1"]
    array = values.const_value.numpy().copy()
    if case == "dead channel":
        array[0] = 0
    elif case == "outlier":
        array[0, 0, 0, 0] *= 1000
    elif case == "tiny weights":
        array *= 1e-8
    values.const_value = ir.tensor(array)
    quantized = quantize(network, RECIPE, CONTRACT, photos)
    assert np.isfinite(run(quantized, as_input(photo(3)), exact=True)).all()


def network_of_one_image() -> ir.Model:
    """Two convolutions with a reshape to a batch of one between them, as exporters write it."""
    generator = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Reshape", ["b", "shape"], ["c"], name="reshape"),
        helper.make_node("Conv", ["c", "w1", "b1"], ["out"], name="second", pads=[1] * 4),
    ]
    height, width = photo().shape[:2]
    constants = {
        "w0": weights(generator, 8, 3, 3, 3),
        "b1": np.full(3, 0.5, np.float32),
        "shape": np.array([1, 8, height, width]),
        "w1": weights(generator, 3, 8, 3, 3),
    }
    return model(nodes, constants, size=(height, width))


def test_a_graph_of_one_image_at_a_time_is_measured_on_all_patches() -> None:
    photos = [photo(seed) // (1 + seed) for seed in range(6)]
    graph = prepared_graph(network_of_one_image(), ())
    prepared = prepare(graph, RECIPE, CONTRACT, photos, (), lambda step: None)
    assert not prepared.takes_batches
    assert len(prepared.few()) == 5  # and one is held out
    each = [image_weights(graph.model, patch[None])["b"] for patch in prepared.few()]
    np.testing.assert_allclose(prepared.errors()["b"], np.mean(each, axis=0), rtol=0.35)
