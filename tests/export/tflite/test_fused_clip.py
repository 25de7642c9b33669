"""Which part of an activation an int8 output does by saturating."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.fused_clip import Clipping, clipping
from edge_imgq.graph.network import Activation, Network, Operation, Quantization, Tensor
from tests.export.tflite.witness import NOTE, from_file, lower, run_litert, to_file

Fused = schema.ActivationFunctionType
# 0 … 2.55 in steps of 0.01
UNIT = Quantization(np.array([0.01], np.float32), np.array([-128], np.int32), "int8")
NONE = Clipping()


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.0, math.inf, NONE),
        (-1.0, 3.0, NONE),
        (0.0, 2.55, NONE),
        (0.004, 2.546, NONE),
        (0.0, 2.54, Clipping(high=2.54)),
        (0.01, math.inf, Clipping(low=0.01)),
        (0.5, 1.5, Clipping(low=0.5, high=1.5)),
    ],
)
def test_saturation_does_what_lies_within_half_a_step(
    low: float, high: float, wanted: Clipping
) -> None:
    assert clipping(Activation(low, high), UNIT) == wanted


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.0, math.inf, Clipping(Fused.RELU)),
        (0.0, 6.0, Clipping(Fused.RELU6)),
        (-1.0, 1.0, Clipping(Fused.RELU_N1_TO_1)),
        (0.0, 1.0, Clipping(Fused.RELU, high=1.0)),
        (-2.0, 1.0, Clipping(low=-2.0, high=1.0)),
    ],
)
def test_a_float_output_fuses_what_tflite_names(low: float, high: float, wanted: Clipping) -> None:
    assert clipping(Activation(low, high), None) == wanted


def test_a_relu_with_an_activation_of_its_own_keeps_the_tighter_bounds() -> None:
    shape = (1, 2, 3, 4)
    source, target = Tensor("x", shape), Tensor("y", shape)
    operation = Operation("Relu", "r", (source,), (target,), {}, Activation(-1.0, 0.5))
    values = np.linspace(-2, 2, 24, dtype=np.float32).reshape(shape)
    data = lower(Network("n", (source,), (target,), (operation,)), NOTE)
    np.testing.assert_array_equal(from_file(run_litert(data, to_file(values))),
                                  values.clip(0.0, 0.5))  # fmt: skip
