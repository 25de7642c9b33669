"""Split of an image into even and odd rows, and the inverse.

To split, E[t] = x[2t] and O[t] = x[2t+1] are depthwise convolutions with stride 2 that copy, or the
convolution that writes the image takes that stride itself. To interleave, the even and odd columns
of both become channels of a depth-to-space. No operator holds a height or width, so the file's
input can be resized to any even size. Copies are exact.
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
    """The rows of an image (N, C, H, W) of even height, by parity.

    Attributes:
        even: rows 0, 2, 4, …: (N, C, H / 2, W).
        odd: rows 1, 3, 5, …, of the same shape.
    """

    even: Tensor
    odd: Tensor

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.even, self.odd))


def row_parity_of(image: Tensor) -> RowParity:
    """Return the tensors for the even and odd rows of an image.

    Both are (N, C, H / 2, W), H even; row 0 is even. Only descriptions are made, no operations.
    """
    batch, channels, height, width = image.shape
    shape = (batch, channels, height // BLOCK, width)
    return RowParity(
        replace(image, name=f"{image.name}/even", shape=shape),
        replace(image, name=f"{image.name}/odd", shape=shape),
    )


def split_rows(image: Tensor) -> tuple[Operation, ...]:
    """Return the operations that copy the even and odd rows of an image.

    They are depthwise convolutions with a single 1, for float images (N, C, H, W) of even height.
    Exact.
    """
    return tuple(
        _copied(image, parity, (BLOCK, 1), row) for row, parity in enumerate(row_parity_of(image))
    )


def can_write_split(convolution: SameConvolution) -> bool:
    """Return True if a convolution has at least one row of padding above.

    Otherwise its odd rows would begin at the image's second row, and TFLite cannot crop there.
    """
    return convolution.start[0] > 0


def written_split(convolution: SameConvolution) -> tuple[Operation, ...]:
    """Return a convolution as two of row stride 2, one per parity of its output rows.

    Row 2t of the output begins at input row 2t − start, row 2t + 1 one row further. An unread last
    row stays unpadded. The outputs are (N, C, H / 2, W); every sum has the same terms.

    Args:
        convolution: satisfies `can_write_split`; its height is even.
    """
    operation = convolution.operation
    (top, left), (rows, columns) = convolution.start, convolution.kernel
    right = columns - 1 - left
    written = []
    for row, parity in enumerate(row_parity_of(operation.output)):
        pads = (top - row, left, max(rows - BLOCK - (top - row), 0), right)
        attributes = {**operation.attributes, "strides": (BLOCK, 1), "pads": pads}
        written.append(
            replace(operation, name=parity.name, outputs=(parity,), attributes=attributes)
        )
    return tuple(written)


def interleave_rows(image: Tensor) -> tuple[Operation, ...]:
    """Return the operations that interleave an image from its even and odd rows. Exact.

    They read the tensors of `row_parity_of`: each is split into even and odd columns by depthwise
    convolutions that copy, a Concat joins the four along channels, and a DepthToSpace of 2 writes
    the image (N, C, H, W), of even height and width, float32.
    """
    batch, channels, height, width = image.shape
    quarter = (batch, channels, height // BLOCK, width // BLOCK)
    copies = []
    for parity in row_parity_of(image):
        for column in range(BLOCK):
            every_second = replace(parity, name=f"{parity.name}/column{column}", shape=quarter)
            copies.append(_copied(parity, every_second, (1, BLOCK), column))
    shape = (batch, channels * BLOCK * BLOCK, *quarter[2:])
    blocks = replace(image, name=f"{image.name}/blocks", shape=shape)
    columns = tuple(copy.output for copy in copies)
    shuffle = {"blocksize": BLOCK, "mode": "DCR"}
    return (
        *copies,
        Operation("Concat", blocks.name, columns, (blocks,), {"axis": 1}),
        Operation("DepthToSpace", f"{image.name}/whole", (blocks,), (image,), shuffle),
    )


def _copied(source: Tensor, target: Tensor, strides: Pair, start: int) -> Operation:
    """Return a depthwise convolution that copies every second row or column, from index `start`."""
    channels = source.shape[1]
    kernel = tuple(1 if stride == 1 else start + 1 for stride in strides)
    data = np.zeros((channels, 1, *kernel), np.float32)
    data[:, :, -1, -1] = 1
    weight = Tensor(f"{target.name}/copy", tuple(data.shape), data=data)
    attributes = {"group": channels, "kernel_shape": kernel, "strides": strides}
    return Operation("Conv", target.name, (source, weight), (target,), attributes)
