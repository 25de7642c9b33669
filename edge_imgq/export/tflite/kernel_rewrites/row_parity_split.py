"""An image as its even rows and its odd rows: how it is taken apart and put together again.

Apart, E[t] = x[2t] and O[t] = x[2t+1], by depthwise convolutions of stride 2 that copy; where a
convolution writes the image, it takes that stride itself. Together, by the even and odd columns of
both as channels of a depth-to-space. None of these holds a height or width, so that the input of
the file can be resized to any even one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge_imgq.export.tflite.kernel_rewrites.same_convolution import SameConvolution
from edge_imgq.graph.network import Operation, Tensor

BLOCK = 2
Pair = tuple[int, int]


@dataclass(frozen=True)
class RowParity:
    """The even and the odd rows of an image."""

    even: Tensor
    odd: Tensor

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.even, self.odd))


def row_parity_of(image: Tensor) -> RowParity:
    """Return the tensors that hold the even and odd rows of an image."""
    batch, channels, height, width = image.shape
    shape = (batch, channels, height // BLOCK, width)
    return RowParity(
        replace(image, name=f"{image.name}/even", shape=shape),
        replace(image, name=f"{image.name}/odd", shape=shape),
    )


def split_rows(image: Tensor) -> tuple[Operation, ...]:
    """Return the operations that write the even and odd rows of an image."""
    return tuple(
        _copied(image, half, (BLOCK, 1), row) for row, half in enumerate(row_parity_of(image))
    )


def can_write_split(convolution: SameConvolution) -> bool:
    """Tell whether a convolution has a row of padding above.

    Without one, its odd half would begin at the image's second row, and TFLite crops nothing.
    """
    return convolution.start[0] > 0


def written_split(convolution: SameConvolution) -> tuple[Operation, ...]:
    """Return a convolution as two of stride 2, one for each half of its output.

    Row 2t of the output begins where the kernel begins at row 2t − start, row 2t + 1 one further.
    Below, a row that no output reads is left where it is.

    Args:
        convolution: one that `can_write_split`.
    """
    operation = convolution.operation
    (top, left), (rows, columns) = convolution.start, convolution.kernel
    right = columns - 1 - left
    written = []
    for row, half in enumerate(row_parity_of(operation.output)):
        pads = (top - row, left, max(rows - BLOCK - (top - row), 0), right)
        attributes = {**operation.attributes, "strides": (BLOCK, 1), "pads": pads}
        written.append(replace(operation, name=half.name, outputs=(half,), attributes=attributes))
    return tuple(written)


def interleave_rows(image: Tensor) -> tuple[Operation, ...]:
    """Return the operations that make an image of its even and odd rows."""
    batch, channels, height, width = image.shape
    quarter = (batch, channels, height // BLOCK, width // BLOCK)
    copies = []
    for half in row_parity_of(image):
        for column in range(BLOCK):
            part = replace(half, name=f"{half.name}/column{column}", shape=quarter)
            copies.append(_copied(half, part, (1, BLOCK), column))
    shape = (batch, channels * BLOCK * BLOCK, *quarter[2:])
    blocks = replace(image, name=f"{image.name}/blocks", shape=shape)
    parts = tuple(copy.output for copy in copies)
    shuffle = {"blocksize": BLOCK, "mode": "DCR"}
    return (
        *copies,
        Operation("Concat", blocks.name, parts, (blocks,), {"axis": 1}),
        Operation("DepthToSpace", f"{image.name}/whole", (blocks,), (image,), shuffle),
    )


def _copied(source: Tensor, target: Tensor, strides: Pair, place: int) -> Operation:
    """Return the copy of every second row or column, from the first or the second on."""
    channels = source.shape[1]
    kernel = tuple(1 if stride == 1 else place + 1 for stride in strides)
    data = np.zeros((channels, 1, *kernel), np.float32)
    data[:, :, -1, -1] = 1
    weight = Tensor(f"{target.name}/copy", tuple(data.shape), data=data)
    attributes = {"group": channels, "kernel_shape": kernel, "strides": strides}
    return Operation("Conv", target.name, (source, weight), (target,), attributes)
