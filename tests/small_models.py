"""Small networks as ONNX models, whole enough for the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from tests.graph.build import proto_model


def whole_model(
    nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Any], **options: Any
) -> onnx.ModelProto:
    """Return a model that states the rank of its output, as files must; see `proto_model`."""
    model = proto_model(nodes, constants, **options)
    shape = (None, None, None, None)
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, shape)
    )
    return model


def tiny_model(weight: float = 1.0) -> onnx.ModelProto:
    """Return a network that nearly copies its image: 3×3 and 1×1 convolutions, ReLU, an addition.

    Args:
        weight: factor on the weights of the first convolution.
    """
    rng = np.random.default_rng(3)
    first = rng.normal(0, 0.1, (8, 3, 3, 3)).astype(np.float32) * np.float32(weight)
    last = rng.normal(0, 0.1, (3, 8, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], kernel_shape=[1, 1]),
        helper.make_node("Add", ["image", "c"], ["out"]),
    ]
    return whole_model(nodes, {"w1": first, "w2": last})
