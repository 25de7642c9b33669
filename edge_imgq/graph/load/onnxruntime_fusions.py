"""Decompose fused operators of ONNX Runtime's optimiser into standard ONNX operators.

`SessionOptions.optimized_model_filepath` saves a model after graph optimisation, with operators of
the domain com.microsoft:

    FusedConv(x, w, b, z)   = activation(Conv(x, w, b) + z)
    FusedGemm(a, b, c)      = activation(Gemm(a, b, c))
    FusedMatMul(a, b)       = alpha · MatMul(a or aᵀ, b or bᵀ)
    BiasGelu(x, b), Gelu(x) = v · ½ · (1 + Erf(v / √2)), v = x + b or x
    FastGelu(x, b)          = v · ½ · (1 + Tanh(√(2/π) · (v + 0.044715 · v³)))
    QuickGelu(x)            = x · Sigmoid(alpha · x)

Source: ONNX Runtime, docs/ContribOperators.md. Other operators of that domain are refused
(`edge_imgq.graph.load.refusals`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

DOMAIN = "com.microsoft"
ACTIVATIONS = {"LeakyRelu": ("alpha",), "HardSigmoid": ("alpha", "beta"), "Elu": ("alpha",)}
"""Attributes that `activation_params` holds, in order, by activation."""

FUSED_ONLY = frozenset(
    {"activation", "activation_params", "activation_alpha", "activation_beta", "activation_gamma"}
)
TANH_SCALE, TANH_CUBE = math.sqrt(2 / math.pi), 0.044715


def without_fusions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Decompose ONNX Runtime's fused operators into standard ones.

    Covers FusedConv, FusedGemm, FusedMatMul, Gelu, BiasGelu, FastGelu and QuickGelu of the domain
    com.microsoft. Exact in real numbers. Other operators of the domain are kept, as is a
    FusedMatMul that transposes its batch axes.

    Returns:
        A copy, or the model itself if it has no such node.
    """
    if not any(_decomposition(node) for node in model.graph.node):
        return model
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = list(result.graph.node)
    del result.graph.node[:]
    for node in nodes:
        decompose = _decomposition(node)
        if decompose is None:
            result.graph.node.append(node)
        else:
            decompose(_Writer(result.graph, node))
    return result


class _Writer:
    """Writes the standard nodes that replace one fused node."""

    def __init__(self, graph: onnx.GraphProto, node: onnx.NodeProto) -> None:
        self.graph = graph
        self.inputs = list(node.input)
        self.attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self._result, self._name, self._count = node.output[0], node.name or node.output[0], 0

    def add(self, kind: str, inputs: Sequence[str], last: bool = False, **attributes: Any) -> str:
        """Append a node and return the name of its output.

        Args:
            kind: operator type of the standard ONNX domain.
            inputs: names of its inputs.
            last: whether its output is the fused node's; else it gets a name of its own.
            attributes: attributes as Python values.
        """
        name = f"{self._name}.{self._count}" if self._count else self._name
        output = self._result if last else f"{self._result}.{self._count}"
        self._count += 1
        node = helper.make_node(kind, list(inputs), [output], name=name, **attributes)
        self.graph.node.append(node)
        return output

    def constant(self, value: float) -> str:
        """Add a float32 scalar initializer and return its name."""
        name = f"{self._result}.constant{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
        return name

    def given(self, index: int) -> str | None:
        """Return the name of the fused node's input `index`, from 0, or None if it is absent."""
        return (self.inputs[index] or None) if index < len(self.inputs) else None

    def activate(self, source: str) -> None:
        """Append the activation that is fused into the node, or an Identity if there is none.

        It reads the tensor named `source` and writes the fused node's output. Its parameters come
        from the fused node's attributes.
        """
        kind = self.attributes.get("activation", b"").decode()
        names = ("activation_alpha", "activation_beta")
        numbers = self.attributes.get("activation_params") or [
            self.attributes[name] for name in names if name in self.attributes
        ]
        if not kind:
            self.add("Identity", [source], last=True)
        elif kind == "Clip":
            self.add("Clip", [source, *map(self.constant, numbers)], last=True)
        else:
            own = dict(zip(ACTIVATIONS.get(kind, ()), map(float, numbers), strict=False))
            self.add(kind, [source], last=True, **own)

    def kept(self, *dropped: str) -> dict[str, Any]:
        """Return the attributes, by name, without those of the fused activation and `dropped`."""
        gone = FUSED_ONLY | set(dropped)
        return {name: value for name, value in self.attributes.items() if name not in gone}


def _convolution(write: _Writer) -> None:
    result = write.add("Conv", write.inputs[:3], **write.kept())
    residual = write.given(3)
    write.activate(result if residual is None else write.add("Add", [result, residual]))


def _gemm(write: _Writer) -> None:
    write.activate(write.add("Gemm", write.inputs, **write.kept()))


def _matrix_product(write: _Writer) -> None:
    sides = [
        write.add("Einsum", [side], equation="...ij->...ji")
        if write.attributes.get(turned)
        else side
        for side, turned in zip(write.inputs, ("transA", "transB"), strict=True)
    ]
    factor = float(write.attributes.get("alpha", 1.0))
    product = write.add("MatMul", sides, last=factor == 1)
    if factor != 1:
        write.add("Mul", [product, write.constant(factor)], last=True)


def _gelu(write: _Writer) -> None:
    value = _with_bias(write)
    error = write.add("Erf", [write.add("Mul", [value, write.constant(math.sqrt(0.5))])])
    _gate(write, value, error)


def _fast_gelu(write: _Writer) -> None:
    value = _with_bias(write)
    square = write.add("Mul", [value, value])
    cubic = write.add("Mul", [square, write.constant(TANH_CUBE)])
    inner = write.add("Mul", [value, write.add("Add", [cubic, write.constant(1.0)])])
    tanh = write.add("Tanh", [write.add("Mul", [inner, write.constant(TANH_SCALE)])])
    _gate(write, value, tanh)


def _quick_gelu(write: _Writer) -> None:
    (value,) = write.inputs
    factor = write.constant(float(write.attributes.get("alpha", 1.702)))
    gate = write.add("Sigmoid", [write.add("Mul", [value, factor])])
    write.add("Mul", [value, gate], last=True)


def _with_bias(write: _Writer) -> str:
    bias = write.given(1)
    return write.inputs[0] if bias is None else write.add("Add", [write.inputs[0], bias])


def _gate(write: _Writer, value: str, curve: str) -> None:
    """Write value · ½ · (1 + curve) as the last nodes."""
    raised = write.add("Add", [curve, write.constant(1.0)])
    product = write.add("Mul", [value, raised])
    write.add("Mul", [product, write.constant(0.5)], last=True)


DECOMPOSITIONS: dict[str, Callable[[_Writer], None]] = {
    "BiasGelu": _gelu,
    "FastGelu": _fast_gelu,
    "FusedConv": _convolution,
    "FusedGemm": _gemm,
    "FusedMatMul": _matrix_product,
    "Gelu": _gelu,
    "QuickGelu": _quick_gelu,
}
"""Function that writes the replacement, by operator of the domain com.microsoft."""


def _decomposition(node: onnx.NodeProto) -> Callable[[_Writer], None] | None:
    if node.domain != DOMAIN:
        return None
    if any(a.name in ("transBatchA", "transBatchB") and a.i for a in node.attribute):
        return None
    return DECOMPOSITIONS.get(node.op_type)
