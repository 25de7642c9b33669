"""ONNX operators in torch, in the variants that ExecuTorch's exporter recognises.

Most are those of training. The others are single operators in XNNPACK, but several in training, for
their gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
import onnx_ir as ir
import torch
import torch.nn.functional as F
from torch import Tensor

from edge_imgq.quantize.torch.torch_inputs import Inputs, Operator, given, integers, optional
from edge_imgq.quantize.torch.torch_operators import OPERATORS


def _prelu(_: ir.Node, inputs: Inputs) -> Tensor:
    slope = given(inputs, 1)
    # XNNPACK takes the constant itself alone, which has one axis here.
    return F.prelu(given(inputs, 0), slope if slope.ndim == 1 else slope.reshape(-1))


def _clip(_: ir.Node, inputs: Inputs) -> Tensor:
    """Compute Clip; between two bounds as hardtanh, which XNNPACK fuses into a convolution."""
    low, high = (
        None if (v := optional(inputs, i)) is None else np.asarray(v).item() for i in (1, 2)
    )
    source = given(inputs, 0)
    if low is not None and high is not None:
        return F.hardtanh(source, low, high)
    return source if low is high is None else torch.clamp(source, low, high)


def _power(_: ir.Node, inputs: Inputs) -> Tensor:
    """Compute Pow; a constant exponent of ±½ as sqrt or rsqrt."""
    source, exponent = given(inputs, 0), inputs[1]
    if isinstance(exponent, Tensor):
        return torch.pow(source, exponent)
    numbers = np.asarray(exponent)
    if numbers.size > 1:
        return torch.pow(source, torch.from_numpy(np.array(numbers)))
    number = numbers.item()
    if number in ROOTS:
        return ROOTS[number](source)
    return torch.pow(source, int(number) if number == int(number) else number)


ROOTS: dict[float, Callable[[Tensor], Tensor]] = {0.5: torch.sqrt, -0.5: torch.rsqrt}


def _split(node: ir.Node, inputs: Inputs) -> tuple[Tensor, ...]:
    """Compute Split as slices, which XNNPACK runs."""
    source, axis = given(inputs, 0), node.attributes.get_int("axis", 0)
    lengths = [piece.shape[axis] for piece in OPERATORS["Split"](node, inputs)]
    begins = accumulate([0, *lengths[:-1]])
    return tuple(source.narrow(axis, b, n) for b, n in zip(begins, lengths, strict=True))


def _mean(node: ir.Node, inputs: Inputs) -> Tensor:
    """Compute ReduceMean; with kept axes and a reshape, because XNNPACK only keeps axes."""
    axes = integers(inputs, 1)
    if not axes:
        result = OPERATORS["ReduceMean"](node, inputs)
        assert isinstance(result, Tensor)
        return result
    mean = given(inputs, 0).mean(tuple(axes), keepdim=True)
    return mean if node.attributes.get_int("keepdims", 1) else mean.reshape(_shape(node))


def _reshaped(node: ir.Node, inputs: Inputs) -> Tensor:
    """Reshape the input to the shape of the node's output."""
    return given(inputs, 0).reshape(_shape(node))


def _shape(node: ir.Node) -> tuple[int, ...]:
    shape = node.outputs[0].shape
    assert shape is not None, "the graph is bound to a size"
    return shape.numpy()


LOWERINGS: dict[str, Operator] = {
    **OPERATORS,
    "Clip": _clip,
    "PRelu": _prelu,
    "Pow": _power,
    "ReduceMean": _mean,
    "Round": lambda _, inputs: torch.round(given(inputs, 0)),
    "Split": _split,
    "Squeeze": _reshaped,
    "Unsqueeze": _reshaped,
}
"""Torch function of each ONNX operator."""

SETTINGS = frozenset(
    {"Clip", "Expand", "Pad", "Pow", "ReduceMax", "ReduceMean", "ReduceMin", "Reshape", "Resize"}
    | {"Slice", "Split", "Squeeze", "Tile", "Unsqueeze"}
)
"""Operators whose inputs except the first are Python arguments if constant."""

Move = Callable[[Tensor], Tensor]


def depth_to_space_moves(node: ir.Node, shape: Sequence[int]) -> tuple[Move, Move, Move]:
    """Return the three moves of a DepthToSpace of a tensor (N, C, H, W), to be applied in turn.

    They reshape to six axes, permute, and reshape to (N, C / b², b · H, b · W), b the block size.
    XNNPACK runs each by itself, in int8 if its output is quantized. Modes are DCR (the default) and
    CRD. Exact.
    """
    count, channels, height, width = shape
    block = node.attributes.get_int("blocksize", 1)
    depth = channels // block**2
    six_axes, order = (count, depth, block, block, height, width), (0, 1, 4, 2, 5, 3)
    if node.attributes.get_string("mode", "DCR") == "DCR":
        six_axes, order = (count, block, block, depth, height, width), (0, 3, 4, 1, 5, 2)
    image = (count, depth, height * block, width * block)
    return (lambda x: x.reshape(six_axes), lambda x: x.permute(order), lambda x: x.reshape(image))
