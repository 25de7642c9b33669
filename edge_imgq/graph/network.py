"""The read-only view of an ONNX graph that every lowering walks.

A float graph and a QDQ graph become the same thing: a list of operations on tensors with static
shapes. QuantizeLinear and DequantizeLinear disappear into the `quantization` of the tensors, and a
Relu or Clip that alone follows an operation becomes that operation's `activation`. Shapes and axes
stay logical NCHW, as in ONNX; a lowering that stores NHWC translates them itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

IntegerType = Literal["int8", "int16", "int32"]
REQUANTIZE = "Requantize"
"""Kind of the operation that only moves a tensor from one scale and zero point to another."""

TIE_BREAK = 2.0**-13
"""Part of a level that is added behind a bilinear Resize computed in float, in a QDQ graph and in a
file alike, so that no result lies on a half."""


@dataclass(frozen=True)
class Quantization:
    """Scale and zero point: real = scale × (integer − zero point).

    Attributes:
        scale: float32, shape (1,) per tensor or (channels,) per channel.
        zero_point: integers of the same shape; all zero for weights and bias.
        axis: the per-channel axis (logical NCHW / OIHW), None per tensor.
        dtype: the integer type that the values are stored in.
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
        shape: static, logical NCHW for images, OIHW for convolution weights.
        quantization: None for a float tensor.
        data: constant contents, float32, or already-quantized integers where `quantization` is
            set; None for an activation.
        logical: whether it holds truth values instead of numbers.
    """

    name: str
    shape: tuple[int, ...]
    quantization: Quantization | None = None
    data: Array | None = field(default=None, repr=False)
    logical: bool = False


@dataclass(frozen=True)
class Activation:
    """Bounds that an operation's output is clipped to; infinite where there is none."""

    low: float
    high: float


@dataclass(frozen=True)
class Operation:
    """One operator with everything that a lowering needs to know of it.

    Attributes:
        kind: the ONNX operator type, or REQUANTIZE.
        name: the node's name, for messages.
        inputs: in ONNX order; None for an optional input that is absent.
        outputs: in ONNX order.
        attributes: ONNX attributes as Python values (int, float, str, tuple of these).
        activation: clipping fused after the operation.
        in_float: whether the graph says that it computes in float even in a quantized network.
    """

    kind: str
    name: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    attributes: Mapping[str, Any]
    activation: Activation | None = None
    in_float: bool = False

    def operand(self, index: int) -> Tensor:
        """Return an input that must be there."""
        tensor = self.inputs[index]
        if tensor is None:
            raise ValueError(f"{self.kind} '{self.name}' has no input {index}")
        return tensor

    @property
    def output(self) -> Tensor:
        """The only output."""
        (tensor,) = self.outputs
        return tensor


@dataclass(frozen=True)
class Network:
    """A whole graph: operations in an order in which every input is computed before its use.

    Attributes:
        name: of the graph.
        inputs: the image first.
        outputs: the picture, or what is returned in its place, first.
        operations: in order.
        results: names that outputs have in the graph; their tensors may have others.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operations: tuple[Operation, ...]
    results: tuple[str, ...] = ()

    @property
    def is_quantized(self) -> bool:
        """Whether the image input is an integer tensor."""
        return self.inputs[0].quantization is not None
