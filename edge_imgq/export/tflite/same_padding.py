"""Geometry of a sliding window on an image, and the equivalent TFLite padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.graph.convolution import padding_in

if TYPE_CHECKING:
    from edge_imgq.graph.network import Operation

SAME = schema.Padding.SAME
VALID = schema.Padding.VALID
Pair = tuple[int, int]


@dataclass(frozen=True)
class Side:
    """One spatial axis of a window, in elements.

    Attributes:
        size: input length.
        output: output length.
        kernel: number of taps.
        stride: distance between outputs.
        dilation: distance between taps.
        before: padding before the first element.
    """

    size: int
    output: int
    kernel: int
    stride: int
    dilation: int
    before: int

    @property
    def reach(self) -> int:
        """Length, in elements of the padded input, that the outputs read."""
        return (self.output - 1) * self.stride + (self.kernel - 1) * self.dilation + 1

    @property
    def after(self) -> int:
        """Number of padded elements that are read at the end; ONNX may add more, without effect."""
        return max(self.reach - self.size - self.before, 0)

    @property
    def is_valid(self) -> bool:
        """True if no padding is read."""
        return self.before == 0 and self.after == 0

    @property
    def is_same(self) -> bool:
        """True for TFLite's SAME: ⌈size/stride⌉ outputs, total // 2 of the padding in front."""
        total = max(self.reach - self.size, 0)
        return self.output == -(-self.size // self.stride) and self.before == total // 2


@dataclass(frozen=True)
class PaddedWindow:
    """A two-dimensional window on an image.

    Attributes:
        rows: the vertical axis, H.
        columns: the horizontal axis, W.
    """

    rows: Side
    columns: Side

    @property
    def padding(self) -> int | None:
        """TFLite's code of the padding: VALID for none, or SAME; None if a PAD is needed."""
        if self.rows.is_valid and self.columns.is_valid:
            return int(VALID)
        if self.rows.is_same and self.columns.is_same:
            return int(SAME)
        return None

    @property
    def pads(self) -> tuple[Pair, Pair]:
        """((top, bottom), (left, right)): the padding that is read, in pixels."""
        rows, columns = self.rows, self.columns
        return (rows.before, rows.after), (columns.before, columns.after)


def window(operation: Operation, kernel: tuple[int, ...]) -> PaddedWindow:
    """Compute the window of a convolution or pooling on an image (N, C, H, W).

    Padding follows from `pads` or `auto_pad`; strides and dilations are 1 by default.

    Args:
        operation: its input and output shapes are known.
        kernel: taps of each spatial axis.

    Raises:
        RefusedError: the operation is not two-dimensional.
    """
    image, output = operation.operand(0).shape, operation.output.shape
    if len(image) != 4 or len(kernel) != 2:
        raise RefusedError("only two-dimensional windows on rank-4 images can be written.")
    attributes = operation.attributes
    strides = attributes.get("strides", (1, 1))
    dilations = attributes.get("dilations", (1, 1))
    pads = padding_in(operation.kind, attributes, kernel, image[2:])
    assert pads is not None, "its size is known"
    rows, columns = (
        Side(image[2 + i], output[2 + i], kernel[i], strides[i], dilations[i], pads[i])
        for i in (0, 1)
    )
    return PaddedWindow(rows, columns)
