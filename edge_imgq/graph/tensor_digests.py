"""One line per tensor of a graph: scale and zero point, and digests of weights."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGITS = 8
"""Hexadecimal digits of a digest; short, to keep baselines small."""

SHAPES = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.BOOL, onnx.TensorProto.STRING})
"""Element types of constants that hold shapes, axes and modes."""

SEPARATOR = "; "
"""Separator of the fields of a line."""


def tensor_digests(path: Path) -> dict[str, str]:
    """Describe the quantized activations and the weights of a float or QDQ .onnx file.

    Integer constants that hold shapes, and float activations, are left out.

    Returns:
        By name of the tensor, in order of use, "uint8; scale 0.0123; zero point 3" for an
        activation, "int8 16x3x3x3; values #5e6f7a8b; scales #1a2b3c4d" for weights, "float32 16;
        values #5e6f7a8b" for float weights. "#" precedes the first 8 hexadecimal digits of the
        SHA-256 of several numbers; single ones are written as they are, a zero point of 0 not.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return dict(_Graph(onnx.load(path)).lines())


@dataclass
class _Graph:
    model: onnx.ModelProto

    def __post_init__(self) -> None:
        graph = self.model.graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.makers = {name: node for node in graph.node for name in node.output}

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield name and description of every tensor that operators or outputs read."""
        graph = self.model.graph
        for node in graph.node:
            if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
                for name in node.input:
                    yield from self._line(name)
        for output in graph.output:
            yield from self._line(output.name)

    def _line(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the line of an operator's input; nothing for a float activation or a shape."""
        if name in self.constants:
            if self.constants[name].data_type not in SHAPES:
                yield name, self._weights(name)
            return
        node = self.makers.get(name)
        if node is None or node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            return
        source = node.input[0]
        if node.op_type == "DequantizeLinear" and source in self.constants:
            scales = self._quantization(node)[1:]
            yield source, SEPARATOR.join((self._weights(source), *scales))
        elif node.op_type == "DequantizeLinear":
            yield from self._line(source)
        else:
            yield source, SEPARATOR.join(self._quantization(node))

    def _weights(self, name: str) -> str:
        values = numpy_helper.to_array(self.constants[name])
        kind = onnx.helper.tensor_dtype_to_np_dtype(self.constants[name].data_type)
        return (
            f"{kind} {'x'.join(map(str, values.shape))}".strip() + f"{SEPARATOR}{_as_text(values)}"
        )

    def _quantization(self, node: onnx.NodeProto) -> list[str]:
        """Return the integer type, the scale and a nonzero zero point, as text."""
        fields = ["uint8"]
        for label, name in zip(("scale", "zero point"), node.input[1:], strict=False):
            values = numpy_helper.to_array(self.constants[name])
            if label == "zero point":
                fields[0] = str(values.dtype)
            if label == "scale" or values.any():
                fields.append(_as_text(values, label))
        return fields


def _as_text(values: NDArray[Any], label: str = "value") -> str:
    """Return one number as text, or a digest of several."""
    if math.prod(values.shape) == 1:
        return f"{label} {values.reshape(-1)[0]!s}"
    digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:DIGITS]
    return f"{label}s #{digest}"
