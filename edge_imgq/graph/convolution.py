"""Convolutions with all ONNX defaults filled in and `auto_pad` resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.network import Operation
from edge_imgq.graph.operators import WEIGHT_AXIS

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]


@dataclass(frozen=True)
class Convolution:
    """A two-dimensional Conv or ConvTranspose with constant weights.

    Attributes:
        is_transposed: whether it is a ConvTranspose.
        weight: (outputs, inputs / group, height, width) as in ONNX; of a transposed one (inputs,
            outputs / group, height, width).
        bias: (outputs,), or None.
        group: number of channel groups.
        strides: along height and width.
        dilations: along height and width.
        pads: top, left, bottom, right, in pixels; None if `auto_pad` makes them depend on the
            image size.
        output_padding: rows at the bottom and columns at the right that a transposed one adds.
    """

    is_transposed: bool
    weight: Any
    bias: Any
    group: int
    strides: Pair
    dilations: Pair
    pads: Sides | None
    output_padding: Pair = (0, 0)

    @property
    def kernel(self) -> Pair:
        """Height and width of the kernel in taps, dilation not counted."""
        rows, columns = self.weight.shape[2:]
        return rows, columns

    @property
    def is_dense(self) -> bool:
        """True for one group and no dilation."""
        return self.group == 1 and self.dilations == (1, 1)

    @property
    def keeps_size(self) -> bool:
        """True for a Conv whose output has the input's height and width, whatever they are.

        It has stride 1 and, on both sides of an axis together, as much padding as the dilated
        kernel is long, less 1.
        """
        spans = spans_of(self.kernel, self.dilations)
        return (
            not self.is_transposed
            and self.strides == (1, 1)
            and self.pads is not None
            and all(self.pads[i] + self.pads[i + 2] == spans[i] - 1 for i in (0, 1))
        )


def convolution_of(node: ir.Node) -> Convolution | None:
    """Return the convolution of a node with constant weights, or None for any other node.

    It covers Conv and ConvTranspose with 4-D weights and a constant bias or none. Weights and bias
    keep their dtype.
    """
    if node.op_type not in WEIGHT_AXIS:
        return None
    if not all(edit.is_constant(value) for value in node.inputs[1:] if value is not None):
        return None
    weight = edit.contents(node.inputs[1])
    return None if weight.ndim != 4 else _filled_in(
        node.op_type, attributes_of(node), weight, edit.bias_of(node)
    )  # fmt: skip


def convolution_in(operation: Operation) -> Convolution | None:
    """Return the convolution of an operation, or None for any other one.

    It covers Conv and ConvTranspose with constant 4-D weights and a constant bias or none. With an
    `auto_pad` attribute the pads count as unknown, because rewrites copy attributes. Weights and
    bias are the `data` of their tensors: integers if those are quantized.
    """
    if operation.kind not in WEIGHT_AXIS:
        return None
    weight, bias = operation.operand(1).data, operation.inputs[2:3]
    if weight is None or weight.ndim != 4 or any(b is not None and b.data is None for b in bias):
        return None
    biases = bias[0].data if bias and bias[0] is not None else None
    return _filled_in(operation.kind, operation.attributes, weight, biases, explicit=True)


def _filled_in(
    kind: str, attributes: Mapping[str, Any], weight: Any, bias: Any, *, explicit: bool = False
) -> Convolution:
    pads = padding_in(kind, attributes, weight.shape[2:], explicit=explicit)
    return Convolution(
        kind == "ConvTranspose",
        weight,
        bias,
        attributes.get("group", 1),
        _pair(attributes.get("strides", (1, 1))),
        _pair(attributes.get("dilations", (1, 1))),
        None if pads is None else (pads[0], pads[1], pads[2], pads[3]),
        _pair(attributes.get("output_padding", (0, 0))),
    )


def attributes_of(node: ir.Node) -> dict[str, Any]:
    """Return the attributes that a node states as Python values, by name; no defaults are added.

    Values are int, float, str and sequences of these; a tensor is an `ir.Tensor`.
    """
    return {name: attribute.value for name, attribute in node.attributes.items()}


def padding_in(
    kind: str,
    attributes: Mapping[str, Any],
    kernel: Sequence[int],
    size: Sequence[int] | None = None,
    *,
    explicit: bool = False,
) -> tuple[int, ...] | None:
    """Return the pads of a window in ONNX order: begin of each axis, then end of each axis.

    For a transposed convolution they are the pixels cropped from its result, before output padding.

    Args:
        kind: operator type: "ConvTranspose", or any other for a window over the input.
        attributes: attributes of the node, as `attributes_of` returns them.
        kernel: taps along each axis.
        size: image size along each axis, or None if open.
        explicit: use only the `pads` attribute, and return None if `auto_pad` or `output_shape`
            defines the padding.

    Returns:
        None if the padding depends on an open size or would be negative. With a size it is never
        None. A transposed convolution whose output extends beyond its taps then has negative pads.
    """
    auto, shape = attributes.get("auto_pad", "NOTSET"), attributes.get("output_shape")
    if explicit and (auto != "NOTSET" or shape is not None):
        return None
    if shape is None and auto in ("NOTSET", "VALID"):
        none = (0,) * 2 * len(kernel)
        return none if auto == "VALID" else tuple(attributes.get("pads", none))
    totals = _totals(kind, attributes, kernel, size)
    if totals is None or (size is None and min(totals) < 0):
        return None
    less, more = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return (*less, *more) if auto == "SAME_UPPER" else (*more, *less)


def _totals(
    kind: str, attributes: Mapping[str, Any], kernel: Sequence[int], size: Sequence[int] | None
) -> list[int] | None:
    """Return begin plus end padding of each axis, or None if it depends on an open size."""
    ones, shape = (1,) * len(kernel), attributes.get("output_shape")
    strides = attributes.get("strides", ones)
    spans = spans_of(kernel, attributes.get("dilations", ones))
    axes = range(len(kernel))
    if kind == "ConvTranspose":
        extra = attributes.get("output_padding", (0,) * len(kernel))
        if shape is None:  # `stride` pixels of each
            return [spans[i] + extra[i] - strides[i] for i in axes]
        if size is None:
            return None
        sides = shape[-len(kernel) :]
        return [(size[i] - 1) * strides[i] + spans[i] + extra[i] - sides[i] for i in axes]
    if set(strides) == {1}:
        return [span - 1 for span in spans]
    if size is None:
        return None
    windows = [-(-side // stride) for side, stride in zip(size, strides, strict=True)]
    return [max((windows[i] - 1) * strides[i] + spans[i] - size[i], 0) for i in axes]


def spans_of(kernel: Sequence[int], dilations: Sequence[int]) -> tuple[int, ...]:
    """Return the length in pixels of a dilated kernel along each axis: (K − 1) · d + 1.

    `kernel` holds the taps K and `dilations` the distance d of taps along each axis.
    """
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))


def _pair(values: Sequence[int]) -> Pair:
    return values[0], values[1]
