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
quantized graph has one scale before the activation and one after it.
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

    def add(self, kind: str, *inputs: ir.Value) -> ir.Value:
        """Insert one node before the activation and return its output, float32 of its shape.

        The node is marked to compute in float in a quantized graph. `kind` is an ONNX operator
        without attributes, `inputs` are values of the activation's shape or broadcast to it.
        """
        return self.in_float(kind, *inputs, like=self.source)

    def greater(self, value: ir.Value, threshold: ir.Value) -> ir.Value:
        """Insert Greater and return value > threshold, booleans of the activation's shape.

        The threshold is broadcast; equal values and NaN give False. Computed in float32.
        """
        result = self.add("Greater", value, threshold)
        result.dtype = ir.DataType.BOOL
        return result

    def number(self, value: float) -> ir.Value:
        """Add a float32 scalar initializer and return its value."""
        return self.constant("number", np.float32(value))

    def attribute(self, name: str, default: float) -> float:
        """Return a float attribute of the activation, or the default if it is not stated."""
        return float(self.node.attributes.get_float(name, default))


def decompose_activations(model: ir.Model) -> int:
    """Decompose Softplus, Mish, Elu, Celu, Selu, Softsign, Shrink and ThresholdedRelu.

    They become Relu, Exp, Log, Tanh, Elu of α = 1 and arithmetic, marked to compute in float in a
    quantized graph. Any shape. An Elu with α = 1 and a Shrink with λ < 0 stay unchanged. Exact in
    real numbers; float32 rounding differs.

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


def _softplus(activation: _Activation) -> ir.Value:
    power = activation.add("Exp", activation.add("Neg", activation.add("Abs", activation.source)))
    rest = activation.add("Log", activation.add("Add", power, activation.number(1)))
    return activation.add("Add", activation.add("Relu", activation.source), rest)


def _mish(activation: _Activation) -> ir.Value:
    return activation.add("Mul", activation.source, activation.add("Tanh", _softplus(activation)))


def _elu(activation: _Activation) -> ir.Value:
    return _exponential(activation, 1.0, activation.attribute("alpha", 1.0), 1.0)


def _celu(activation: _Activation) -> ir.Value:
    alpha = activation.attribute("alpha", 1.0)
    return _exponential(activation, 1.0, alpha, alpha)


def _selu(activation: _Activation) -> ir.Value:
    alpha, gamma = activation.attribute("alpha", SELU[0]), activation.attribute("gamma", SELU[1])
    return _exponential(activation, gamma, gamma * alpha, 1.0)


def _exponential(activation: _Activation, above: float, below: float, width: float) -> ir.Value:
    """Write above · relu(x) + below · elu₁(min(x, 0) / width)."""
    negative = activation.add("Min", activation.source, activation.number(0))
    if width != 1:
        negative = activation.add("Mul", negative, activation.number(1 / width))
    power = activation.add("Mul", activation.add("Elu", negative), activation.number(below))
    positive = activation.add("Relu", activation.source)
    if above != 1:
        positive = activation.add("Mul", positive, activation.number(above))
    return activation.add("Add", positive, power)


def _softsign(activation: _Activation) -> ir.Value:
    size = activation.add("Abs", activation.source)
    return activation.add(
        "Div", activation.source, activation.add("Add", size, activation.number(1))
    )


def _shrink(activation: _Activation) -> ir.Value:
    bias, threshold = (
        activation.attribute("bias", 0.0),
        activation.number(activation.attribute("lambd", 0.5)),
    )
    if bias == activation.attribute("lambd", 0.5):
        above = activation.add("Relu", activation.add("Sub", activation.source, threshold))
        opposite = activation.add("Neg", activation.source)
        below = activation.add("Relu", activation.add("Sub", opposite, threshold))
        return activation.add("Sub", above, below)
    nearer = activation.source
    if bias:
        shift = activation.add(
            "Mul", activation.add("Sign", activation.source), activation.number(bias)
        )
        nearer = activation.add("Sub", activation.source, shift)
    far = activation.greater(activation.add("Abs", activation.source), threshold)
    return activation.add("Where", far, nearer, activation.number(0))


def _thresholded(activation: _Activation) -> ir.Value:
    above = activation.greater(
        activation.source, activation.number(activation.attribute("alpha", 1.0))
    )
    return activation.add("Where", above, activation.source, activation.number(0))


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
