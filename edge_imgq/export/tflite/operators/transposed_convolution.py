"""Lowering of ConvTranspose (the sub-pixel variant is a graph pass).

n inputs give (n − 1)·stride + kernel outputs, of which ONNX crops `pads`. TFLite's VALID crops
nothing. Its SAME requires ⌈outputs/stride⌉ inputs and crops total // 2 in front.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.operators.slice_concat import cropped
from edge_imgq.export.tflite.operators.weights import bias, constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.export.tflite.same_padding import SAME, VALID
from edge_imgq.graph.convolution import padding_in

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation, Tensor

Code = schema.BuiltinOperator
OHWI_FROM_IOHW = (1, 2, 3, 0)


@dataclass(frozen=True)
class Crop:
    """Crop of one spatial axis.

    Attributes:
        size: input length.
        output: length after cropping.
        kernel: number of taps.
        stride: output distance between inputs.
        front: outputs cropped in front.
    """

    size: int
    output: int
    kernel: int
    stride: int
    front: int

    @property
    def whole(self) -> int:
        """Length of the full result before cropping, zeros of output padding included."""
        return max((self.size - 1) * self.stride + self.kernel, self.front + self.output)

    @property
    def is_same(self) -> bool:
        """True if TFLite's SAME crops alike: half the excess, rounded down, in front."""
        total = (self.size - 1) * self.stride + self.kernel - self.output
        inputs = -(-self.output // self.stride)
        return total >= 0 and self.size == inputs and self.front == total // 2


def transposed_convolution(file: Emitter, operation: Operation) -> None:
    """Lower ConvTranspose to TRANSPOSE_CONV, followed by a SLICE if it crops otherwise than SAME.

    In float32 or int8; integer sums are rounded once to the output's scale. Images (N, C, H, W) are
    stored as (N, H, W, C), weights (C_in, C_out, H, W) as (C_out, H, W, C_in). No SLICE is needed
    either if nothing is cropped (VALID). For the GPU delegate SAME is used only if the input's
    height and width are divisible by the strides.

    Raises:
        RefusedError: the weights or the bias are computed, the image is not (N, C, H, W), the
            convolution is grouped or dilated, `auto_pad` or `output_shape` makes the output begin
            before the first tap (a negative crop in front), a tensor is float in an integer part of
            the file, or a constant exceeds float16.
    """
    image, kernel = operation.operand(0), constant_input(operation, 1)
    rows, columns = _crops(operation, image, kernel)
    same = all(_is_same(file, crop) for crop in (rows, columns))
    kept = (rows.output, columns.output)
    size = kept if same else (rows.whole, columns.whole)
    shape = (image.shape[0], *size, kernel.shape[1])
    inputs = [
        file.numbers(shape, f"{operation.name}/shape"),
        file.weights(kernel, contents(kernel).transpose(OHWI_FROM_IOHW), axis=0),
        file.tensor(image),
        bias(file, operation, kernel, kernel.shape[1]),
    ]
    options = schema.TransposeConvOptionsT()
    options.padding = SAME if same else VALID
    options.strideH, options.strideW = rows.stride, columns.stride
    if size == kept:
        file.emit(operation, Code.TRANSPOSE_CONV, inputs, options)
        return
    whole = file.intermediate(f"{operation.name}/whole", shape, operation.output.quantization)
    file.writer.add_operator(Code.TRANSPOSE_CONV, inputs, [whole], options)
    cropped(file, operation, whole, (0, rows.front, columns.front, 0))


def _is_same(file: Emitter, crop: Crop) -> bool:
    """Return True if SAME gives this crop, on the GPU delegate too if the file is for it."""
    return crop.is_same and (not file.options.gpu or crop.size % crop.stride == 0)


def _crops(operation: Operation, image: Tensor, kernel: Tensor) -> tuple[Crop, Crop]:
    attributes = operation.attributes
    if len(image.shape) != 4:
        raise RefusedError("only two-dimensional transposed convolutions can be written.")
    if attributes.get("group", 1) != 1:
        raise RefusedError("TFLite has no grouped transposed convolution.")
    if set(attributes.get("dilations", (1, 1))) != {1}:
        raise RefusedError("TFLite has no dilated transposed convolution.")
    rows, columns = (_crop(operation, image, kernel, axis) for axis in (0, 1))
    return rows, columns


def _crop(operation: Operation, image: Tensor, kernel: Tensor, axis: int) -> Crop:
    attributes = operation.attributes
    size, output = image.shape[2 + axis], operation.output.shape[2 + axis]
    taps, stride = kernel.shape[2 + axis], attributes.get("strides", (1, 1))[axis]
    pads = padding_in(operation.kind, attributes, kernel.shape[2:], image.shape[2:])
    assert pads is not None, "its size is known"
    front = pads[axis]
    if front < 0:
        raise RefusedError("its output is larger than its taps reach; set output_padding instead.")
    return Crop(size, output, taps, stride, front)
