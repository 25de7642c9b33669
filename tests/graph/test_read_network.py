"""The view that lowerings walk."""

from __future__ import annotations

import math

import numpy as np
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.graph.network import REQUANTIZE, Activation
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, weights

PLAIN = QuantizeRecipe("plain", "", "min-max", ())


def two_readers():
    """Conv → Relu (fused), and Conv → (Relu, Add) (not fused)."""
    generator = np.random.default_rng(9)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], kernel_shape=[1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w"], ["c"], kernel_shape=[1, 1]),
        helper.make_node("Clip", ["c", "low", "high"], ["d"]),
        helper.make_node("Add", ["c", "d"], ["out"]),
    ]
    bounds = {"low": np.float32(0), "high": np.float32(1)}
    return model(nodes, {"w": weights(generator, 3, 3, 1, 1), **bounds})


def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


def test_an_activation_is_fused_only_where_it_alone_reads() -> None:
    network = read_network(bind_size(two_readers(), (4, 6)))
    kinds = [operation.kind for operation in network.operations]
    assert kinds == ["Conv", "Conv", "Clip", "Add"]
    assert network.operations[0].activation == Activation(0.0, math.inf)
    assert network.operations[1].activation is None


def test_shapes_are_numbers_and_constants_are_there() -> None:
    network = read_network(bind_size(two_readers(), (4, 6)))
    assert network.inputs[0].shape == network.outputs[0].shape == (1, 3, 4, 6)
    assert network.operations[0].operand(1).data is not None
    assert not network.is_quantized


def test_an_open_shape_is_refused() -> None:
    with pytest.raises(ModelError, match="open"):
        read_network(two_readers())


def test_a_qdq_graph_becomes_the_same_operations_on_integers() -> None:
    quantized = quantize(two_readers(), PLAIN, ImageContract("image-to-image", 1, "rgb"), [photo()])
    network = read_network(bind_size(quantized, (4, 6)))
    assert [operation.kind for operation in network.operations] == ["Conv", "Conv", "Clip", "Add"]
    assert network.is_quantized
    for operation in network.operations:
        for tensor in (*operation.outputs, operation.operand(0)):
            assert tensor.quantization is not None
    weight = network.operations[0].operand(1)
    assert weight.data is not None
    assert weight.data.dtype == np.int8
    assert weight.quantization is not None
    assert weight.quantization.axis == 0


def test_a_change_of_scale_becomes_a_requantization() -> None:
    """The image enters a concatenation whose other operand is wider than [0, 1]."""
    generator = np.random.default_rng(9)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], kernel_shape=[1, 1]),
        helper.make_node("Concat", ["image", "a"], ["b"], axis=1),
        helper.make_node("Conv", ["b", "v"], ["out"], kernel_shape=[1, 1]),
    ]
    constants = {
        "w": 9 * np.abs(weights(generator, 3, 3, 1, 1)),
        "v": weights(generator, 3, 6, 1, 1),
    }
    quantized = quantize(
        model(nodes, constants), PLAIN, ImageContract("image-to-image", 1, "rgb"), [photo()]
    )
    network = read_network(bind_size(quantized, (4, 6)))
    assert [op.kind for op in network.operations] == ["Conv", REQUANTIZE, "Concat", "Conv"]
    (concat,) = [op for op in network.operations if op.kind == "Concat"]
    scales = {float(t.quantization.scale[0]) for t in (*concat.inputs, concat.output)}
    assert len(scales) == 1
