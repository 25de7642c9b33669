"""Constants of torch programs: integers where an integer kernel reads them, else real numbers."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.export.executorch.constants import constants_of, is_setting
from tests.export.executorch.build import SHAPE, noise
from tests.export.tflite.cases import scalar, weights
from tests.export.tflite.witness import Case, quantized

KERNEL, BIAS = weights(6, 6, 3, 3), weights(6)


def layer(body: str) -> ir.Model:
    return ir.from_proto(quantized(Case(body, SHAPE, {"w": KERNEL, "b": BIAS}).model(), noise()))


def test_weights_of_an_integer_layer_are_integers_and_its_bias_is_real() -> None:
    found = constants_of(layer("c = Conv(x, w, b) y = Relu(c)"))
    (weight,) = (constant for constant in found.values() if constant.array.shape == KERNEL.shape)
    (bias,) = (constant for constant in found.values() if constant.array.shape == BIAS.shape)
    assert (weight.array.dtype, weight.axis) == (np.int8, 0)
    real = weight.array * weight.scale.reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(real, KERNEL, atol=float(weight.scale.max()))
    assert weight.zero_point.tolist() == [0] * 6
    assert (bias.array.dtype, bias.scale) == (np.float32, None)
    np.testing.assert_allclose(bias.array, BIAS, atol=1e-3)


def test_weights_of_a_layer_between_floats_are_real() -> None:
    model = layer("c = Conv(x, w, b) y = Relu(c)")
    (conv,) = (node for node in model.graph if node.op_type == "Conv")
    conv.replace_input_with(0, model.graph.inputs[0])
    found = constants_of(model)
    (weight,) = (constant for constant in found.values() if constant.array.shape == KERNEL.shape)
    assert (weight.array.dtype, weight.scale) == (np.float32, None)
    np.testing.assert_allclose(weight.array, KERNEL, atol=float(np.abs(KERNEL).max()) / 120)


def test_slopes_are_flat_and_settings_are_no_tensors() -> None:
    body = "p = PRelu(x, s) c = Clip(p, l, h) y = Mul(c, s)"
    constants = {"s": weights(6, 1, 1), "l": scalar(-0.5), "h": scalar(0.5)}
    model = ir.from_proto(Case(body, SHAPE, constants).model())
    found = constants_of(model)
    assert [constant.array.shape for constant in found.values()] == [(6,)]
    prelu, clip, mul = model.graph
    assert [is_setting(clip, index) for index in range(3)] == [False, True, True]
    assert not is_setting(prelu, 1)
    assert not is_setting(mul, 1)
