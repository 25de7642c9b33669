"""Whether the work of a conversion grows with layers as they do, and not with their weights.

Counted in calls of functions, which are the same on every machine; how long they take,
`benchmarks/quickness.py` measures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.graph.load.opset import OPSET


def assert_even(convert: Callable[[int, int], object]) -> None:
    """Hold a conversion to work in proportion to layers, and to none for each weight.

    Args:
        convert: of a plain network of so many layers and channels.
    """
    convert(2, 4)  # imports
    few, many, wide = (calls(lambda s=s: convert(*s)) for s in ((8, 4), (16, 4), (8, 32)))
    assert many < 2.2 * few
    assert wide < 1.05 * few


def calls(run: Callable[[], object]) -> int:
    """Return how many calls of functions, Python's and others, something makes."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def plain_network(layers: int, width: int) -> onnx.ModelProto:
    """Return a plain network of 3×3 convolutions with open height and width.

    Args:
        layers: of so many channels; one more makes the image.
        width: channels.
    """
    generator = np.random.default_rng(0)
    channels = [3, *[width] * layers, 3]
    nodes, weights, source = [], [], "image"
    for layer, (inputs, outputs) in enumerate(pairwise(channels)):
        kernel = generator.normal(0, 0.05, (outputs, inputs, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{layer}"))
        nodes.append(
            helper.make_node("Conv", [source, f"w{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1])
        )
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]))
        source = f"r{layer}"
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, "h", "w"))
    result = helper.make_tensor_value_info(source, TensorProto.FLOAT, (1, 3, "h", "w"))
    graph = helper.make_graph(nodes, "plain", [image], [result], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 10
    return model
