"""Decompose rare activations into operators that every target has.

    Softplus: y = relu(x) + log(1 + e^(−|x|))                e^(−|x|) does not overflow
    Mish:     y = x · tanh(softplus(x))
    Elu:      y = relu(x) + α · elu₁(min(x, 0)),             elu₁(x) = e^x − 1 below 0
    Celu:     y = relu(x) + α · elu₁(min(x, 0) / α)
    Selu:     y = γ · relu(x) + γ · α · elu₁(min(x, 0))
    Softsign: y = x / (1 + |x|)
    Shrink:   y = relu(x − λ) − relu(−x − λ),                bias λ: soft threshold
              y = x − b · sign(x) where |x| > λ, else 0      any other bias b
    ThresholdedRelu:  y = x where x > α, else 0

Quantization between these nodes would accumulate errors, so they are marked as float arithmetic: a
quantized graph has one scale before the activation and one behind it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.passes.insert_before import NodeInserter

SELU = (1.67326319217681884765625, 1.05070102214813232421875)
"""Default α and γ (ONNX, Selu-6)."""


class _Activation(NodeInserter):
    """An activation that is being decomposed."""

    def step(self, kind: str, *inputs: ir.Value) -> ir.Value:
        """Insert one node marked as float, of the activation's shape, and return its output."""
        return self.in_float(kind, *inputs, like=self.source)

    def is_above(self, value: ir.Value, threshold: ir.Value) -> ir.Value:
        result = self.step("Greater", value, threshold)
        result.dtype = ir.DataType.BOOL
        return result

    def number(self, value: float) -> ir.Value:
        return self.constant("number", np.float32(value))

    def attribute(self, name: str, default: float) -> float:
        return float(self.node.attributes.get_float(name, default))


def decompose_activations(model: ir.Model) -> int:
    """Decompose Softplus, Mish, Elu, Celu, Selu, Softsign, Shrink and ThresholdedRelu.

    They become Relu, Exp, Log, Tanh and arithmetic, marked as float arithmetic; exact in real
    numbers, float32 rounding differs. An Elu with α = 1 and a Shrink with λ < 0 stay unchanged.

    Args:
        model: edited in place.

    Returns:
        The number of activations rewritten.
    """
    nodes = [node for node in model.graph if node.op_type in DECOMPOSITIONS and not _stays(node)]
    for node in nodes:
        result = DECOMPOSITIONS[node.op_type](_Activation(model.graph, node))
        edit.replace_value(node.outputs[0], result)
        edit.remove_node(node)
    return len(nodes)


def _stays(node: ir.Node) -> bool:
    if node.op_type == "Shrink":
        return node.attributes.get_float("lambd", 0.5) < 0
    return node.op_type == "Elu" and node.attributes.get_float("alpha", 1.0) == 1.0


def _softplus(place: _Activation) -> ir.Value:
    power = place.step("Exp", place.step("Neg", place.step("Abs", place.source)))
    rest = place.step("Log", place.step("Add", power, place.number(1)))
    return place.step("Add", place.step("Relu", place.source), rest)


def _mish(place: _Activation) -> ir.Value:
    return place.step("Mul", place.source, place.step("Tanh", _softplus(place)))


def _elu(place: _Activation) -> ir.Value:
    return _exponential(place, 1.0, place.attribute("alpha", 1.0), 1.0)


def _celu(place: _Activation) -> ir.Value:
    alpha = place.attribute("alpha", 1.0)
    return _exponential(place, 1.0, alpha, alpha)


def _selu(place: _Activation) -> ir.Value:
    alpha, gamma = place.attribute("alpha", SELU[0]), place.attribute("gamma", SELU[1])
    return _exponential(place, gamma, gamma * alpha, 1.0)


def _exponential(place: _Activation, above: float, below: float, width: float) -> ir.Value:
    """Write above · relu(x) + below · elu₁(min(x, 0) / width)."""
    negative = place.step("Min", place.source, place.number(0))
    if width != 1:
        negative = place.step("Mul", negative, place.number(1 / width))
    power = place.step("Mul", place.step("Elu", negative), place.number(below))
    positive = place.step("Relu", place.source)
    if above != 1:
        positive = place.step("Mul", positive, place.number(above))
    return place.step("Add", positive, power)


def _softsign(place: _Activation) -> ir.Value:
    size = place.step("Abs", place.source)
    return place.step("Div", place.source, place.step("Add", size, place.number(1)))


def _shrink(place: _Activation) -> ir.Value:
    bias, threshold = place.attribute("bias", 0.0), place.number(place.attribute("lambd", 0.5))
    if bias == place.attribute("lambd", 0.5):
        above = place.step("Relu", place.step("Sub", place.source, threshold))
        opposite = place.step("Neg", place.source)
        below = place.step("Relu", place.step("Sub", opposite, threshold))
        return place.step("Sub", above, below)
    nearer = place.source
    if bias:
        step = place.step("Mul", place.step("Sign", place.source), place.number(bias))
        nearer = place.step("Sub", place.source, step)
    far = place.is_above(place.step("Abs", place.source), threshold)
    return place.step("Where", far, nearer, place.number(0))


def _thresholded(place: _Activation) -> ir.Value:
    above = place.is_above(place.source, place.number(place.attribute("alpha", 1.0)))
    return place.step("Where", above, place.source, place.number(0))


DECOMPOSITIONS: dict[str, Callable[[_Activation], ir.Value]] = {
    "Celu": _celu,
    "Elu": _elu,
    "Mish": _mish,
    "Selu": _selu,
    "Shrink": _shrink,
    "Softplus": _softplus,
    "Softsign": _softsign,
    "ThresholdedRelu": _thresholded,
}
"""Function that writes the decomposition, by operator."""
