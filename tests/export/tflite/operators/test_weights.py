"""Weights have a scale per output channel, biases the product of scales."""

from __future__ import annotations

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema

from tests.export.tflite.cases import (
    CONVOLUTIONS,
)
from tests.export.tflite.witness import (
    Case,
    lowered,
    quantized,
)

IMAGE = np.random.default_rng(3).uniform(-2, 2, (1, 6, 12, 10)).astype(np.float32)


def parsed(data: bytes):
    return schema.ModelT.InitFromPackedBuf(data, 0)


def int8(case: Case) -> onnx.ModelProto:
    return quantized(case.model(), IMAGE)


def test_weights_are_per_channel_and_the_bias_has_the_product_of_scales() -> None:
    graph = parsed(lowered(int8(CONVOLUTIONS["conv same"]))).subgraphs[0]
    convolution = graph.operators[1]
    source, kernel, bias = (graph.tensors[i].quantization for i in convolution.inputs)
    assert kernel.scale.shape == (8,)
    assert kernel.quantizedDimension == 0
    np.testing.assert_array_equal(bias.scale, source.scale * kernel.scale)


def test_the_scales_of_depthwise_weights_lie_on_the_last_axis() -> None:
    graph = parsed(lowered(int8(CONVOLUTIONS["depthwise"]))).subgraphs[0]
    assert graph.tensors[graph.operators[1].inputs[1]].quantization.quantizedDimension == 3
