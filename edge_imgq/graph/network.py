"""The read-only network that every lowering reads.

Float and QDQ graphs become one representation: a list of operations on tensors of static shape.
QuantizeLinear and DequantizeLinear become the `quantization` of the tensors, and a Relu or Clip
that is the only reader of an operation becomes its `activation`. Shapes and axes stay logical NCHW,
as in ONNX; a lowering that stores NHWC translates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

IntegerType = Literal["int8", "int16", "int32", "int64"]
REQUANTIZE = "Requantize"
"""Kind of an operation that converts a tensor from one scale and zero point to another."""

TIE_BREAK = 2.0**-13
"""Fraction of a level that is added after a bilinear Resize computed in float.

The QDQ graph and the file both add it, so that no result lies halfway between two levels.
"""


@dataclass(frozen=True)
class Quantization:
    """Scale and zero point: real = scale × (integer − zero point).

    Attributes:
        scale: float32, (1,) per tensor or (channels,) per channel.
        zero_point: int32 of the same shape; zero for weights and bias.
        dtype: stored integer type.
        axis: channel axis of a scale per channel, in NCHW or OIHW order; None for one per tensor.
    """

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int32]
    dtype: IntegerType
    axis: int | None = None


@dataclass(frozen=True)
class Tensor:
    """A value of the graph.

    Attributes:
        name: unique in the network.
        shape: static; logical NCHW for images, OIHW for convolution weights.
        quantization: None for a float tensor.
        data: constant contents, float32, or quantized integers if `quantization` is set; None for
            an activation.
        logical: whether the elements are booleans.
    """

    name: str
    shape: tuple[int, ...]
    quantization: Quantization | None = None
    data: Array | None = field(default=None, repr=False)
    logical: bool = False


@dataclass(frozen=True)
class Activation:
    """Bounds to which an operation's output is clipped.

    Attributes:
        low: lower bound, a real number; −∞ for none.
        high: upper bound, a real number; ∞ for none.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Operation:
    """One operator with all that a lowering needs.

    Attributes:
        kind: ONNX operator type, or REQUANTIZE.
        name: name of the node, for messages.
        inputs: in ONNX order; None for an absent optional input.
        outputs: in ONNX order.
        attributes: ONNX attributes as Python values (int, float, str, tuples of these).
        activation: clip fused after the operation, or None.
        in_float: whether it is marked to compute in float in a quantized network.
    """

    kind: str
    name: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    attributes: Mapping[str, Any]
    activation: Activation | None = None
    in_float: bool = False

    def operand(self, index: int) -> Tensor:
        """Return input `index`, counted from 0.

        Raises:
            ValueError: the input is absent.
            IndexError: the operation has fewer inputs.
        """
        tensor = self.inputs[index]
        if tensor is None:
            raise ValueError(f"{self.kind} '{self.name}' has no input {index}")
        return tensor

    @property
    def output(self) -> Tensor:
        """The only output of the operation; ValueError if it has several."""
        (tensor,) = self.outputs
        return tensor


@dataclass(frozen=True)
class Network:
    """A whole graph of static shapes, float or quantized.

    Attributes:
        name: name of the graph.
        inputs: the image first, (1, C, H, W).
        outputs: the image, or the result returned instead, first.
        operations: in topological order.
        results: names of the graph outputs; their tensors may have other names.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operations: tuple[Operation, ...]
    results: tuple[str, ...] = ()

    @property
    def is_quantized(self) -> bool:
        """True if the image input is stored in integers, as in a network read from a QDQ graph."""
        return self.inputs[0].quantization is not None
