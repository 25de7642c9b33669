"""A convolution with everything filled in that its node may leave out or say in another way."""

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
    """A Conv or ConvTranspose of images, with constant weights.

    Attributes:
        is_transposed: whether it is a ConvTranspose.
        weight: (O, I / group, K, L); of a transposed one (I, O / group, K, L).
        bias: (O,); None where it has none.
        group: of channels; each is convolved by itself.
        strides: rows and columns.
        dilations: rows and columns from one tap to the next.
        pads: top, left, bottom, right, `auto_pad` resolved; None where they depend on the size of
            the image.
        output_padding: rows and columns that a transposed one adds at its end.
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
        """Rows and columns of taps."""
        rows, columns = self.weight.shape[2:]
        return rows, columns

    @property
    def is_dense(self) -> bool:
        """Whether every output channel reads every input channel, at neighbouring pixels."""
        return self.group == 1 and self.dilations == (1, 1)

    @property
    def keeps_size(self) -> bool:
        """Whether it writes an image of the size that it reads, tap by tap, whatever that is."""
        spans = spans_of(self.kernel, self.dilations)
        return (
            not self.is_transposed
            and self.strides == (1, 1)
            and self.pads is not None
            and all(self.pads[i] + self.pads[i + 2] == spans[i] - 1 for i in (0, 1))
        )


def convolution_of(node: ir.Node) -> Convolution | None:
    """Return a node as a convolution of images with constant weights; None for anything else."""
    if node.op_type not in WEIGHT_AXIS:
        return None
    if not all(edit.is_constant(value) for value in node.inputs[1:] if value is not None):
        return None
    weight = edit.contents(node.inputs[1])
    return None if weight.ndim != 4 else _filled_in(
        node.op_type, attributes_of(node), weight, edit.bias_of(node)
    )  # fmt: skip


def convolution_in(operation: Operation) -> Convolution | None:
    """Return an operation as a convolution of images with constant weights; None for anything else.

    Where it states `auto_pad`, its padding counts as not known: forms copy attributes.
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
    """Return the attributes of a node as Python values."""
    return {name: attribute.value for name, attribute in node.attributes.items()}


def padding_in(
    kind: str, attributes: Mapping[str, Any], kernel: Sequence[int], *, explicit: bool = False
) -> tuple[int, ...] | None:
    """Return the padding of a window, of all axes before and of all axes behind.

    Args:
        kind: of the operator.
        attributes: of its node.
        kernel: taps along each axis.
        explicit: take `pads` alone, and no padding as known where another attribute states it.

    Returns:
        None where it depends on the size of the image, or is none that `pads` can say.
    """
    count, auto = len(kernel), attributes.get("auto_pad", "NOTSET")
    if "output_shape" in attributes or (explicit and auto != "NOTSET"):
        return None
    if auto == "NOTSET":
        return tuple(attributes.get("pads", (0,) * 2 * count))
    if auto == "VALID":
        return (0,) * 2 * count
    strides = attributes.get("strides", (1,) * count)
    spans = spans_of(kernel, attributes.get("dilations", (1,) * count))
    if kind == "ConvTranspose":  # makes `stride` pixels of each
        extra = attributes.get("output_padding", (0,) * count)
        totals = [span + e - s for span, e, s in zip(spans, extra, strides, strict=True)]
    elif set(strides) == {1}:
        totals = [span - 1 for span in spans]
    else:
        return None
    if min(totals) < 0:
        return None
    less, more = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return (*less, *more) if auto == "SAME_UPPER" else (*more, *less)


def spans_of(kernel: Sequence[int], dilations: Sequence[int]) -> tuple[int, ...]:
    """Return how many pixels lie from the first tap to the last along each axis, both counted."""
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))


def _pair(values: Sequence[int]) -> Pair:
    return values[0], values[1]
