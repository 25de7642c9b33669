"""Lowering of Slice, Split and Concat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.layout import by_stored_axis, stored_axis, stored_shape
from edge_imgq.export.tflite.operators.weights import constant_input, contents
from edge_imgq.export.tflite.refusal import RefusedError
from edge_imgq.graph.read_network import same_quantization

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation, Quantization, Tensor

Code = schema.BuiltinOperator
ROWS, COLUMNS = 1, 2
MAX_CONCAT_INPUTS = 5
"""Largest number of inputs of an XNNPACK CONCATENATION (tensorflow/lite/delegates/xnnpack)."""


def cropped(file: Emitter, operation: Operation, source: int, begin: Sequence[int]) -> None:
    """Write the operation's output as a SLICE of a tensor. Exact.

    Args:
        file: file being written.
        operation: its output gives the size.
        source: index of the tensor in the file, at the output's scale.
        begin: first index along each stored axis, N, H, W, C at rank 4.
    """
    inputs = _slice_inputs(file, operation.output, source, begin)
    file.emit(operation, Code.SLICE, inputs, schema.SliceOptionsT())


def strided_slice(file: Emitter, operation: Operation) -> None:
    """Lower Slice with constant bounds to SLICE or STRIDED_SLICE.

    Exact, but an int8 input at another scale than the output's is requantized first. Bounds that
    are stated from both ends follow a resized input. For a negative step, a REVERSE_V2 precedes it;
    every s-th row or column of the whole image is a SLICE between RESHAPEs.

    Raises:
        RefusedError: bounds are computed.
    """
    starts, steps = slice_bounds(operation)
    source = file.requantized(operation.operand(0), operation.output.quantization)
    begin, stride = list(by_stored_axis(starts)), list(by_stored_axis(steps))
    for axis, step in enumerate(stride):
        if step < 0:
            source = _reversed(file, operation, source, axis)
            length = stored_shape(operation.operand(0).shape)[axis]
            begin[axis], stride[axis] = length - 1 - begin[axis], -step
    if set(stride) == {1}:
        ends = _ends_from_last(operation)
        if ends is None or file.options.gpu:
            cropped(file, operation, source, begin)
        else:
            _cropped_at_both_ends(file, operation, source, begin, list(by_stored_axis(ends)))
        return
    if not file.options.gpu and _is_phase(operation, begin, stride):
        _phase(file, operation, source, begin, stride)
        return
    output = stored_shape(operation.output.shape)
    end = [b + (n - 1) * s + 1 for b, n, s in zip(begin, output, stride, strict=True)]
    inputs = [source, *(file.numbers(v, operation.name) for v in (begin, end, stride))]
    file.emit(operation, Code.STRIDED_SLICE, inputs, schema.StridedSliceOptionsT())


def _ends_from_last(operation: Operation) -> list[int] | None:
    """Return the number of elements cut at the end of each axis, or None.

    None means that an end is an index from the front or a start is negative. With the ends relative
    to the end of the axis, the slice follows a resized input.
    """
    given = [_numbers(operation, index, name) for index, name in ((1, "starts"), (2, "ends"))]
    shape = operation.operand(0).shape
    axes = _numbers(operation, 3, "axes") or list(range(len(given[0])))
    distances = [0] * len(shape)
    for start, end, axis in zip(*given, axes, strict=True):
        if start < 0 or 0 <= end < shape[axis]:
            return None
        distances[axis] = min(end, 0)
    return distances


def _cropped_at_both_ends(
    file: Emitter, operation: Operation, source: int, begin: Sequence[int], end: Sequence[int]
) -> None:
    """Write a STRIDED_SLICE of step 1 with ends relative to the axis end; XNNPACK runs it."""
    options = schema.StridedSliceOptionsT()
    options.endMask = sum(1 << axis for axis, stop in enumerate(end) if not stop)
    limits = (begin, end, [1] * len(begin))
    inputs = [source, *(file.numbers(limit, f"{operation.name}/limits") for limit in limits)]
    file.emit(operation, Code.STRIDED_SLICE, inputs, options)


def _is_phase(operation: Operation, begin: Sequence[int], stride: Sequence[int]) -> bool:
    """Return True if a strided slice takes one phase of the whole image, with no remainder."""
    lengths = stored_shape(operation.operand(0).shape)
    kept = stored_shape(operation.output.shape)
    whole = all(n * s == length for n, s, length in zip(kept, stride, lengths, strict=True))
    inner = all(b < s for b, s in zip(begin, stride, strict=True))
    return len(lengths) == 4 and whole and inner and stride[0] == stride[3] == 1


def _phase(
    file: Emitter,
    operation: Operation,
    source: int,
    begin: Sequence[int],
    stride: Sequence[int],
) -> None:
    """Write every s-th row or column as a SLICE; XNNPACK has no STRIDED_SLICE with steps.

    (1, h, w, c) has the same bytes as (1, h, w / s, s · c), where a column is a range of channels,
    and as (1, h / s, s · w, c), where a row is a range of columns.
    """
    shape, scale = list(stored_shape(operation.operand(0).shape)), operation.output.quantization
    axes = [axis for axis in (COLUMNS, ROWS) if stride[axis] > 1]
    for axis in axes:
        step, inner = stride[axis], shape[axis + 1]
        shape[axis], shape[axis + 1] = shape[axis] // step, step * inner
        folded = file.intermediate(f"{operation.name}/folded", shape, scale)
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        sides = file.numbers(shape, f"{operation.name}/sides")
        file.writer.add_operator(Code.RESHAPE, [source, sides], [folded], options)
        shape[axis + 1], first = inner, [0] * len(shape)
        first[axis + 1] = begin[axis] * inner
        limits = [file.numbers(v, f"{operation.name}/part") for v in (first, shape)]
        if axis == axes[-1]:
            file.emit(operation, Code.SLICE, [folded, *limits], schema.SliceOptionsT())
            return
        source = file.intermediate(f"{operation.name}/columns", shape, scale)
        file.writer.add_operator(Code.SLICE, [folded, *limits], [source], schema.SliceOptionsT())


def _reversed(file: Emitter, operation: Operation, source: int, axis: int) -> int:
    """Return `source` reversed along one stored axis."""
    name, image = f"{operation.name}/reversed_{axis}", operation.operand(0)
    scale = operation.output.quantization
    result = file.intermediate(name, stored_shape(image.shape), scale)
    inputs = [source, file.numbers([axis], f"{name}/axis")]
    file.writer.add_operator(Code.REVERSE_V2, inputs, [result], schema.ReverseV2OptionsT())
    return result


def _slice_inputs(
    file: Emitter, output: Tensor, source: int, begin: Sequence[int]
) -> tuple[int, int, int]:
    """Return the inputs of a SLICE.

    Sizes are explicit: −1, "to the end", would follow a resized input, but XNNPACK rejects it.
    """
    size = stored_shape(output.shape)
    name = output.name
    return source, file.numbers(begin, f"{name}/begin"), file.numbers(size, f"{name}/size")


def slice_bounds(operation: Operation) -> tuple[list[int], list[int]]:
    """Return the first index and the step along every axis, in ONNX order; starts are not negative.

    They are clamped to the axis.

    Raises:
        RefusedError: bounds are computed.
    """
    shape = operation.operand(0).shape
    starts, steps = [0] * len(shape), [1] * len(shape)
    given = _numbers(operation, 1, "starts")
    axes = _numbers(operation, 3, "axes") or list(range(len(given)))
    strides = _numbers(operation, 4, "steps") or [1] * len(given)
    for start, axis, step in zip(given, axes, strides, strict=True):
        length = shape[axis]
        first = start + length if start < 0 else start
        starts[axis] = min(max(first, 0), length - 1 if step < 0 else length)
        steps[axis] = step
    return starts, steps


def split(file: Emitter, operation: Operation) -> None:
    """Lower Split along one axis, by default the first, to SPLIT for equal sizes, else to SLICEs.

    Exact; XNNPACK has no SPLIT_V. LiteRT 2.3.0's GPU kernels silently compute a wrong result if
    outputs of a SPLIT are added or subtracted, so images are sliced for GPUs.

    Raises:
        RefusedError: an output has another scale than the input.
    """
    image = operation.operand(0)
    outputs = [_with_scale(output, image) for output in operation.outputs]
    if not all(same_quantization(image.quantization, output.quantization) for output in outputs):
        raise RefusedError("its outputs have other scales than its input; give them one scale.")
    rank = len(image.shape)
    logical = operation.attributes.get("axis", 0) % rank
    axis = stored_axis(logical, rank)
    lengths = [output.shape[logical] for output in outputs]
    if len(set(lengths)) == 1 and not (file.options.gpu and rank == 4):
        options = schema.SplitOptionsT()
        options.numSplits = len(outputs)
        inputs = [file.number(axis, f"{operation.name}/axis"), file.tensor(image)]
        results = [file.tensor(output) for output in outputs]
        file.writer.add_operator(Code.SPLIT, inputs, results, options)
        return
    for index, output in enumerate(outputs):
        begin = [0] * rank
        begin[axis] = sum(lengths[:index])
        sliced = _slice_inputs(file, output, file.tensor(image), begin)
        options = schema.SliceOptionsT()
        file.writer.add_operator(Code.SLICE, sliced, [file.tensor(output)], options)


def _with_scale(output: Tensor, image: Tensor) -> Tensor:
    """Return an output with the input's scale if it has none because nothing reads it."""
    if output.quantization is not None:
        return output
    return replace(output, quantization=image.quantization)


def concatenation(file: Emitter, operation: Operation) -> None:
    """Lower Concat along one axis to CONCATENATION. Exact for inputs at the output's scale.

    `axis` is that of ONNX. Int8 inputs at another scale are requantized first. XNNPACK accepts at
    most five inputs. More int8 inputs are concatenated in stages, which takes .83 to 1.05 of the
    time of one TFLite kernel. For float it takes 1.0 to 1.3, so they are concatenated at once.
    """
    output = operation.output
    tensors = [tensor for tensor in operation.inputs if tensor is not None]
    axis = stored_axis(operation.attributes["axis"], len(output.shape))
    inputs = [_joined(file, tensor, output.quantization) for tensor in tensors]
    shapes = [stored_shape(tensor.shape) for tensor in tensors]
    while output.quantization is not None and len(inputs) > MAX_CONCAT_INPUTS:
        count = min(MAX_CONCAT_INPUTS, len(inputs) - MAX_CONCAT_INPUTS + 1)
        shape = list(shapes[0])
        shape[axis] = sum(lengths[axis] for lengths in shapes[:count])
        name = f"{output.name}/first{len(inputs)}"
        joined = file.intermediate(name, tuple(shape), output.quantization)
        file.writer.add_operator(Code.CONCATENATION, inputs[:count], [joined], _joining(axis))
        inputs[:count], shapes[:count] = [joined], [tuple(shape)]
    file.emit(operation, Code.CONCATENATION, inputs, _joining(axis))


def _joined(file: Emitter, tensor: Tensor, quantization: Quantization | None) -> int:
    """Return an input of a CONCATENATION.

    LiteRT 2.3.0's GPU kernels, with float32 enforced, silently read zeros instead of a dequantized
    float16 constant, so such a constant is float32 for GPUs.
    """
    if file.options.gpu and tensor.data is not None and quantization is None:
        return file.in_float32(tensor)
    return file.requantized(tensor, quantization)


def _joining(axis: int) -> schema.ConcatenationOptionsT:
    options = schema.ConcatenationOptionsT()
    options.axis = axis
    return options


def _numbers(operation: Operation, index: int, attribute: str) -> list[int]:
    if attribute in operation.attributes:
        return [int(value) for value in operation.attributes[attribute]]
    if len(operation.inputs) <= index or operation.inputs[index] is None:
        return []
    return [int(value) for value in contents(constant_input(operation, index)).reshape(-1)]
