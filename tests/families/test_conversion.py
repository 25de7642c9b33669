"""What conversion promises of itself: the same bytes every time, in little time."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.tflite.lower import lower
from edge_imgq.graph.load import normalise
from edge_imgq.graph.opset import OPSET
from edge_imgq.graph.read import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.size import bind_size

from .convert import float_file, int8_file, quantized
from .test_families import family

SECONDS = 2.0
WIDTH, LAYERS = 64, 29


@pytest.mark.parametrize("name", ["nafnet", "srresnet", "deblurgan"])
def test_two_exports_of_one_model_are_byte_identical(name: str) -> None:
    network = family(name)
    assert float_file(network) == float_file(network)
    assert int8_file(network, quantized(network)) == int8_file(network, quantized(network))


def test_a_network_of_a_million_parameters_converts_in_two_seconds() -> None:
    proto = _million_parameters()
    note = FileNote("million", "tflite", ImageContract("image-to-image", 1, "rgb"), "0.0")
    lower(read_network(bind_size(rewrite(normalise(proto, "warm"), ["canonical"]), (8, 8))), note)
    start = time.perf_counter()
    model = rewrite(normalise(proto, "million"), ["canonical", "sub-pixel", "shuffle-order"])
    data = lower(read_network(bind_size(model, (180, 320))), note)
    took = time.perf_counter() - start
    assert len(data) > 4e6
    assert took < SECONDS, f"{took:.2f} s"


def _million_parameters() -> onnx.ModelProto:
    """Return a plain network of 3×3 convolutions with open height and width."""
    generator = np.random.default_rng(0)
    channels = [3, *[WIDTH] * LAYERS, 3]
    nodes, weights, source = [], [], "image"
    for layer, (inputs, outputs) in enumerate(pairwise(channels)):
        kernel = generator.normal(0, 0.05, (outputs, inputs, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{layer}"))
        nodes.append(
            helper.make_node("Conv", [source, f"w{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1])
        )
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]))
        source = f"r{layer}"
    assert sum(numpy_helper.to_array(weight).size for weight in weights) > 1_000_000
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, "h", "w"))
    result = helper.make_tensor_value_info(source, TensorProto.FLOAT, (1, 3, "h", "w"))
    graph = helper.make_graph(nodes, "million", [image], [result], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 10
    return model
