"""Lowering of Pad, and explicit padding in front of windows that SAME cannot express."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import by_stored_axis, stored_shape
from edge_imgq.export.tflite.operators.reflect_pad import reflect
from edge_imgq.export.tflite.operators.weights import constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.graph.network import Tensor

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.export.tflite.same_padding import Pair
    from edge_imgq.graph.network import Operation, Quantization

Code = schema.BuiltinOperator
LOWEST_INT8 = -128
LOWEST_FLOAT = float(np.finfo(np.float32).min)
LOWEST_FLOAT16 = float(np.finfo(np.float16).min)
"""Lowest value for GPUs, which compute in float16, where the lowest float32 is −infinity."""


def padded(file: Emitter, image: Tensor, pads: tuple[Pair, Pair], lowest: bool = False) -> int:
    """Pad the rows and columns of an image with zeros or with the lowest value of its type. Exact.

    A quantized image whose range begins at 0 (after a ReLU) has 0 as its lowest value, so PAD is
    used for it: XNNPACK runs PAD but not PADV2.

    Args:
        file: file being written.
        image: image (N, C, H, W).
        pads: (before, after) of rows and of columns, in pixels, not negative.
        lowest: pad with the lowest value, as max pooling needs it.

    Returns:
        The index of the padded tensor in the file.
    """
    shape = stored_shape(image.shape)
    rows, columns = pads
    table = ((0, 0), rows, columns, (0, 0))
    size = [length + sum(pair) for length, pair in zip(shape, table, strict=True)]
    target = file.intermediate(f"{image.name}/padded", size, image.quantization)
    source = unpadded(file, image, file.tensor(image)) if lowest else file.tensor(image)
    inputs = [source, file.numbers(table, f"{image.name}/pads")]
    if not lowest or _begins_at_zero(image):
        file.writer.add_operator(Code.PAD, inputs, [target], schema.PadOptionsT())
        return target
    inputs.append(_level(file, image, None))
    file.writer.add_operator(Code.PADV2, inputs, [target], schema.PadV2OptionsT())
    return target


def unpadded(file: Emitter, image: Tensor, source: int) -> int:
    """Insert an ADD of zero after a PAD where a GPU would merge the PAD into a following pool.

    LiteRT 2.3.0's GPU kernels silently merge a PAD or PADV2 into the next window and treat its
    values as that window's padding: zeros before a convolution, whatever the fill value, and
    excluded in a pool. They merge none through an ADD. Files for CPUs are unchanged.

    Args:
        file: file being written.
        image: network tensor, for its name and shape.
        source: its index in the file.

    Returns:
        The index of the sum, or `source`.
    """
    if not file.options.gpu or file.writer.written_by(source) not in (Code.PAD, Code.PADV2):
        return source
    same = file.intermediate(f"{image.name}/same", stored_shape(image.shape), None)
    file.writer.add_operator(Code.ADD, [source, _zero(file, image)], [same], schema.AddOptionsT())
    return same


def _zero(file: Emitter, image: Tensor) -> int:
    return file.weights(Tensor(f"{image.name}/zero", ()), np.zeros((), np.float32), axis=0)


def _begins_at_zero(image: Tensor) -> bool:
    return image.quantization is not None and int(image.quantization.zero_point[0]) == LOWEST_INT8


def pad(file: Emitter, operation: Operation) -> None:
    """Lower Pad to PAD (zeros), PADV2 (another constant), or slices or MIRROR_PAD (reflect).

    In float32 or int8. Copied values are exact if input and output have one scale, else they are
    requantized first; in int8 the constant is rounded to the output's scale.

    Raises:
        RefusedError: the mode is another one, or pads are negative or computed.
    """
    image = operation.operand(0)
    borders = pad_table(operation)
    source = file.requantized(image, operation.output.quantization)
    mode = operation.attributes.get("mode", "constant")
    if mode == "reflect" and reflect(file, operation, borders, source):
        return
    table = file.numbers(borders, f"{operation.name}/pads")
    if mode == "reflect":
        mirror = schema.MirrorPadOptionsT()
        mirror.mode = schema.MirrorPadMode.REFLECT
        file.emit(operation, Code.MIRROR_PAD, [source, table], mirror)
    elif mode != "constant":
        raise RefusedError(
            f"padding of mode '{mode}' does not exist in TFLite. Use 'reflect' or 'constant'."
        )
    elif value := _fill(operation):
        _pad_with(file, operation, [source, table, _level(file, operation.output, value)])
    else:
        file.emit(operation, Code.PAD, [source, table], schema.PadOptionsT())


def _pad_with(file: Emitter, operation: Operation, inputs: list[int]) -> None:
    """Write a PADV2, and for GPUs an ADD of zero after it; see `unpadded`."""
    if not file.options.gpu:
        file.emit(operation, Code.PADV2, inputs, schema.PadV2OptionsT())
        return
    output = operation.output
    filled = file.intermediate(f"{operation.name}/filled", stored_shape(output.shape), None)
    file.writer.add_operator(Code.PADV2, inputs, [filled], schema.PadV2OptionsT())
    file.emit(operation, Code.ADD, [filled, _zero(file, output)], schema.AddOptionsT())


def pad_table(operation: Operation) -> list[tuple[int, int]]:
    """Return (before, after) for every axis in the file's layout, in elements.

    At rank 4 the axes are N, H, W, C; axes that ONNX does not name get (0, 0).

    Raises:
        RefusedError: a pad is negative (a crop) or not constant.
    """
    rank = len(operation.operand(0).shape)
    given = operation.attributes.get("pads")
    flat = [int(v) for v in (contents(constant_input(operation, 1)) if given is None else given)]
    axes = list(range(rank))
    if len(operation.inputs) > 3 and operation.inputs[3] is not None:
        axes = [int(axis) % rank for axis in contents(constant_input(operation, 3))]
    if min(flat) < 0:
        raise RefusedError("it pads by a negative amount. Use Slice to crop.")
    before, after = [0] * rank, [0] * rank
    for position, axis in enumerate(axes):
        before[axis], after[axis] = flat[position], flat[position + len(axes)]
    return list(zip(by_stored_axis(before), by_stored_axis(after), strict=True))


def _fill(operation: Operation) -> float:
    if len(operation.inputs) > 2 and operation.inputs[2] is not None:
        tensor = constant_input(operation, 2)
        return real_value(tensor)
    return float(operation.attributes.get("value", 0.0))


def real_value(tensor: Tensor) -> float:
    """Return the real value of a scalar constant, dequantized if it is an integer.

    Raises:
        RefusedError: the tensor is not constant.
    """
    stored = float(contents(tensor).reshape(-1)[0])
    quantization = tensor.quantization
    if quantization is None:
        return stored
    return float(quantization.scale[0]) * (stored - float(quantization.zero_point[0]))


def _level(file: Emitter, like: Tensor, value: float | None) -> int:
    """Add a scalar in the type and scale of `like`; None means the lowest value."""
    quantization: Quantization | None = like.quantization
    if quantization is None:
        lowest = LOWEST_FLOAT16 if file.options.gpu else LOWEST_FLOAT
        stored = np.asarray(lowest if value is None else value, np.float32)
    elif value is None:
        stored = np.asarray(LOWEST_INT8)
    else:
        level = round(value / float(quantization.scale[0]))
        stored = np.clip(level + int(quantization.zero_point[0]), -128, 127)
    return file.weights(Tensor(f"{like.name}/fill", (), quantization), stored, axis=0)
