"""Rewrite of a convolution with very few input channels: im2col on blocks of pixels.

In Arm's int8 kernels the pointer lookup of a tap costs as much as nine more channels. In the
blocked variant of a gray image a tap has four channels, so lookups dominate. All inputs of a block
are therefore gathered into one pixel with many channels: the blocked image is padded with zeros,
shifted by whole blocks along rows and concatenated, then likewise along columns. The convolution
becomes 1×1.

    5×5 on gray, blocks of 2 × 2:    3·3 taps of 4 channels   →   1 tap of 36 channels

Every sum has the same terms, and the border holds the zero point as the kernel's padding does:
bit-exact in int8. Slices are relative to both ends, so they follow a resized input. Height and
width must be multiples of the block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge_imgq.export.tflite.kernel_rewrites.same_convolution import SameConvolution
from edge_imgq.export.tflite.kernel_rewrites.space_to_depth_input import SpaceToDepthInput
from edge_imgq.graph.network import Operation, Tensor

ROWS, COLUMNS = 2, 3


@dataclass(frozen=True)
class Im2colInput:
    """A convolution with very few input channels.

    Attributes:
        convolution: dense, stride 1, of an image (1, C, H, W).
    """

    convolution: SameConvolution

    def operations(self, block: int) -> tuple[Operation, ...]:
        """Return a SpaceToDepth, im2col as operators, a 1×1 convolution and a DepthToSpace.

        im2col is a Pad with zeros, Slices and Concats, which put the inputs of a block into the
        channels of one pixel. `block` is the side of a block in pixels, of which height and width
        are multiples. Bit-exact in int8; float sums are taken in another order.
        """
        to_blocks, product, to_pixels = SpaceToDepthInput(self.convolution).operations(block)
        weight = product.operand(1)
        pads = product.attributes["pads"]
        gathering = tuple(_gathered(to_blocks.output, weight.shape[2:], pads))
        weight = _without_taps(weight)
        attributes = {**product.attributes, "kernel_shape": (1, 1), "pads": (0, 0, 0, 0)}
        inputs = (gathering[-1].output, weight, *product.inputs[2:])
        product = replace(product, inputs=inputs, attributes=attributes)
        return to_blocks, *gathering, product, to_pixels


def _gathered(
    image: Tensor, kernel: tuple[int, ...], pads: tuple[int, int, int, int]
) -> Iterator[Operation]:
    """Yield the operations that gather a kernel's inputs into channels (row, column, channel)."""
    top, left, bottom, right = pads
    batch, channels, height, width = image.shape
    shape = (batch, channels, height + top + bottom, width + left + right)
    source = replace(image, name=f"{image.name}/bordered", shape=shape)
    border = {"mode": "constant", "pads": (0, 0, top, left, 0, 0, bottom, right)}
    yield Operation("Pad", source.name, (image,), (source,), border)
    for axis, count in ((COLUMNS, kernel[1]), (ROWS, kernel[0])):
        shifted = [_shifted(source, axis, offset, count) for offset in range(count)]
        yield from shifted
        source = _joined(image, shifted, axis)
        shifts = tuple(operation.output for operation in shifted)
        yield Operation("Concat", source.name, shifts, (source,), {"axis": 1})


def _shifted(source: Tensor, axis: int, offset: int, count: int) -> Operation:
    """Return the Slice with the pixels under one row or column of the kernel."""
    shape = list(source.shape)
    shape[axis] -= count - 1
    window = replace(source, name=f"{source.name}/{offset}", shape=tuple(shape))
    end = offset - count + 1
    cut = {"starts": (offset,), "ends": (end or source.shape[axis],), "axes": (axis,)}
    return Operation("Slice", window.name, (source,), (window,), cut)


def _joined(image: Tensor, shifted: list[Operation], axis: int) -> Tensor:
    batch, channels, *size = shifted[0].output.shape
    shape = (batch, channels * len(shifted), *size)
    return replace(image, name=f"{image.name}/seen{axis}", shape=shape)


def _without_taps(weight: Tensor) -> Tensor:
    """Return the weight of the 1×1 convolution, input channels (row, column, channel)."""
    assert weight.data is not None
    data = np.ascontiguousarray(weight.data.transpose(0, 2, 3, 1))
    data = data.reshape(len(data), -1, 1, 1)
    return replace(weight, name=f"{weight.name}/gathered", shape=data.shape, data=data)
