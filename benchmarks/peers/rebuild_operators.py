"""ONNX operators in TensorFlow operations: functions of operands and attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from rebuild_convolution import convolution, pixel_shuffle, transposed_convolution
from rebuild_value import CHANNELS_LAST, Value, plain


def pointwise(function: Callable[[Any], Any]) -> Callable[..., Value]:
    """Return an operator that changes every value alike."""
    return lambda operands, _options: Value(function(operands[0].tensor), operands[0].order)


def paired(function: Callable[..., Any]) -> Callable[..., Value]:
    """Return an operator of two or more operands with broadcasting."""

    def apply(operands: list[Any], _options: dict[str, Any]) -> Value:
        rank = max(value.rank for value in operands)
        moving = [value for value in operands if not value.is_constant and value.rank == rank]
        lead = max(moving, key=lambda value: int(np.prod(value.shape)))
        tensors = [_aligned(value, lead.order) for value in operands]
        result = tensors[0]
        for tensor in tensors[1:]:
            result = function(result, tensor)
        return Value(result, lead.order)

    return apply


def _aligned(value: Value, order: tuple[int, ...]) -> Any:
    """Return a value with leading axes of length 1 added, in an order of axes."""
    missing = len(order) - value.rank
    if missing == 0:
        return value.ordered(order)
    tensor = value.ordered(range(value.rank))
    return plain(tensor.reshape((1,) * missing + value.shape)).ordered(order)


def parametric_relu(operands: list[Any], _options: dict[str, Any]) -> Value:
    """PRelu, in the form that the converter turns into PRELU."""
    image, slope = operands
    channel = slope.tensor.reshape((1,) * (image.rank - slope.rank) + slope.tensor.shape)
    alpha = plain(channel).ordered(image.order)[0]
    return Value(tf.nn.relu(image.tensor) + -alpha * tf.nn.relu(-image.tensor), image.order)


def power(operands: list[Any], options: dict[str, Any]) -> Value:
    """Pow; a square is one."""
    if operands[1].is_constant and np.all(operands[1].tensor == 2):
        return pointwise(tf.square)(operands, options)
    return paired(tf.pow)(operands, options)


def clip(operands: list[Any], _options: dict[str, Any]) -> Value:
    """Clip, with either bound left out."""
    result = operands[0].tensor
    for bound, function in zip(operands[1:], (tf.maximum, tf.minimum), strict=False):
        result = result if bound is None else function(result, bound.tensor)
    return Value(result, operands[0].order)


def hard_sigmoid(operands: list[Any], options: dict[str, Any]) -> Value:
    """HardSigmoid as relu6(x + 3) / 6 where it is that."""
    x = operands[0].tensor
    alpha, beta = options.get("alpha", 0.2), options.get("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return Value(tf.nn.relu6(x + 3.0) * (1 / 6), operands[0].order)
    return Value(tf.clip_by_value(x * alpha + beta, 0.0, 1.0), operands[0].order)


def concatenation(operands: list[Any], options: dict[str, Any]) -> Value:
    """Concat."""
    order = next(value.order for value in operands if not value.is_constant)
    axis = order.index(options["axis"] % len(order))
    return Value(tf.concat([value.ordered(order) for value in operands], axis), order)


def split(operands: list[Any], options: dict[str, Any]) -> list[Value]:
    """Split."""
    value = operands[0]
    axis = value.at(options.get("axis", 0))
    sizes = (
        operands[1].tensor.tolist()
        if len(operands) > 1 and operands[1]
        else options.get("num_outputs")
    )
    return [Value(part, value.order) for part in tf.split(value.tensor, sizes, axis)]


def slices(operands: list[Any], _options: dict[str, Any]) -> Value:
    """Slice."""
    value, starts, ends, *rest = operands
    axes = rest[0].tensor if rest else range(len(starts.tensor))
    steps = rest[1].tensor if len(rest) > 1 else [1] * len(starts.tensor)
    index = [slice(None)] * value.rank
    for axis, start, end, step in zip(axes, starts.tensor, ends.tensor, steps, strict=True):
        length = value.shape[int(axis)]
        stop = None if abs(int(end)) >= length else int(end)
        index[value.at(int(axis))] = slice(int(start), stop, int(step))
    return Value(value.tensor[tuple(index)], value.order)


def gather(operands: list[Any], options: dict[str, Any]) -> Value:
    """Gather along one axis, by a list or by one number, whose axis goes."""
    value, index = operands
    axis = options.get("axis", 0) % value.rank
    result = tf.gather(value.tensor, index.tensor, axis=value.at(axis))
    return Value(result, value.order) if index.tensor.ndim else without(result, value, {axis})


def transpose(operands: list[Any], options: dict[str, Any]) -> Value:
    """Transpose: only the meaning of the axes changes."""
    value, permutation = operands[0], list(options["perm"])
    return Value(value.tensor, tuple(permutation.index(axis) for axis in value.order))


def reshaped(operands: list[Any], shape: Sequence[int]) -> Value:
    """Return a value in another shape."""
    return plain(tf.reshape(operands[0].ordered(range(operands[0].rank)), shape))


def reshape(operands: list[Any], _options: dict[str, Any]) -> Value:
    """Reshape; a length of 0 is the old one."""
    wanted = operands[1].tensor.tolist()
    return reshaped(operands, [n or operands[0].shape[i] for i, n in enumerate(wanted)])


def unsqueeze(operands: list[Any], _options: dict[str, Any]) -> Value:
    """Unsqueeze."""
    axes = operands[1].tensor.tolist()
    rank = operands[0].rank + len(axes)
    shape = list(operands[0].shape)
    for axis in sorted(axis % rank for axis in axes):
        shape.insert(axis, 1)
    return reshaped(operands, shape)


def squeeze(operands: list[Any], _options: dict[str, Any]) -> Value:
    """Squeeze."""
    gone = {axis % operands[0].rank for axis in operands[1].tensor.tolist()}
    return reshaped(operands, [n for i, n in enumerate(operands[0].shape) if i not in gone])


def expand(operands: list[Any], _options: dict[str, Any]) -> Value:
    """Expand."""
    shape = np.broadcast_shapes(operands[0].shape, tuple(operands[1].tensor.tolist()))
    return plain(tf.broadcast_to(operands[0].ordered(range(operands[0].rank)), shape))


def reduce_mean(operands: list[Any], options: dict[str, Any]) -> Value:
    """ReduceMean; GlobalAveragePool is one."""
    value = operands[0]
    axes = operands[1].tensor.tolist() if len(operands) > 1 else list(options["axes"])
    keep = bool(options.get("keepdims", 1))
    result = tf.reduce_mean(value.tensor, [value.at(axis) for axis in axes], keepdims=keep)
    if keep:
        return Value(result, value.order)
    return without(result, value, {axis % value.rank for axis in axes})


def without(result: Any, value: Value, gone: set[int]) -> Value:
    """Return a result that some of a value's axes are gone from."""
    kept = [axis for axis in value.order if axis not in gone]
    return Value(result, tuple(sorted(kept).index(axis) for axis in kept))


def global_average(operands: list[Any], _options: dict[str, Any]) -> Value:
    """GlobalAveragePool."""
    return reduce_mean(operands[:1], {"axes": [2, 3]})


def _normal(value: Value, axes: list[int], epsilon: float, scale: Any, offset: Any) -> Value:
    mean, variance = tf.nn.moments(value.tensor, axes, keepdims=True)
    normal = (value.tensor - mean) * tf.math.rsqrt(variance + epsilon)
    return Value(normal * scale + offset, value.order)


def instance_norm(operands: list[Any], options: dict[str, Any]) -> Value:
    """InstanceNormalization."""
    value = operands[0]
    columns = [plain(one.tensor.reshape(1, -1, 1, 1)).ordered(value.order) for one in operands[1:]]
    axes = [value.at(2), value.at(3)]
    return _normal(value, axes, options.get("epsilon", 1e-5), *columns)


def layer_norm(operands: list[Any], options: dict[str, Any]) -> Value:
    """LayerNormalization."""
    value = operands[0]
    first = options.get("axis", -1) % value.rank
    axes = [value.at(axis) for axis in range(first, value.rank)]
    ends = [_aligned(one, value.order) for one in operands[1:]]
    offset = ends[1] if len(ends) > 1 else np.float32(0)
    return _normal(value, axes, options.get("epsilon", 1e-5), ends[0], offset)


def resize(operands: list[Any], options: dict[str, Any]) -> Value:
    """Resize, nearest and bilinear."""
    image = operands[0].ordered(CHANNELS_LAST)
    if len(operands) > 3 and operands[3] is not None:
        size = operands[3].tensor[2:].tolist()
    else:
        size = [
            round(int(n) * float(f))
            for n, f in zip(image.shape[1:3], operands[2].tensor[2:], strict=True)
        ]
    corners = options.get("coordinate_transformation_mode", b"half_pixel").decode()
    modes = {
        "align_corners": corners == "align_corners",
        "half_pixel_centers": corners in ("half_pixel", "pytorch_half_pixel"),
    }
    kind = options.get("mode", b"nearest").decode()
    if kind == "cubic":
        raise NotImplementedError("the rebuild in TensorFlow has no bicubic Resize")
    raw = tf.raw_ops.ResizeBilinear if kind == "linear" else tf.raw_ops.ResizeNearestNeighbor
    return Value(raw(images=image, size=size, **modes), CHANNELS_LAST)


def pad(operands: list[Any], options: dict[str, Any]) -> Value:
    """Pad with a constant or by reflection."""
    value, amounts = operands[0], operands[1].tensor.tolist()
    mode = options.get("mode", b"constant").decode()
    if mode == "edge":
        raise NotImplementedError("the rebuild in TensorFlow has no Pad of mode edge")
    half = len(amounts) // 2
    pairs = [(amounts[axis], amounts[axis + half]) for axis in value.order]
    kind = "REFLECT" if mode == "reflect" else "CONSTANT"
    return Value(tf.pad(value.tensor, pairs, kind), value.order)


def gemm(operands: list[Any], options: dict[str, Any]) -> Value:
    """Gemm with alpha and beta of 1."""
    weight = operands[1].tensor.T if options.get("transB") else operands[1].tensor
    result = tf.matmul(operands[0].tensor, weight)
    return plain(result if len(operands) < 3 else result + operands[2].tensor)


OPERATORS: dict[str, Callable[[list[Any], dict[str, Any]], Value | list[Value]]] = {
    "Add": paired(tf.add),
    "Clip": clip,
    "Concat": concatenation,
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "DepthToSpace": pixel_shuffle,
    "Div": paired(tf.divide),
    "Elu": pointwise(tf.nn.elu),
    "Expand": expand,
    "Gather": gather,
    "Gelu": pointwise(partial(tf.nn.gelu, approximate=False)),
    "Gemm": gemm,
    "GlobalAveragePool": global_average,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": pointwise(lambda x: x * tf.nn.relu6(x + 3.0) * (1 / 6)),
    "Identity": pointwise(tf.identity),
    "InstanceNormalization": instance_norm,
    "LayerNormalization": layer_norm,
    "LeakyRelu": lambda operands, options: pointwise(
        partial(tf.nn.leaky_relu, alpha=options.get("alpha", 0.01))
    )(operands, options),
    "Max": paired(tf.maximum),
    "Min": paired(tf.minimum),
    "Mul": paired(tf.multiply),
    "PRelu": parametric_relu,
    "Pad": pad,
    "Pow": power,
    "ReduceMean": reduce_mean,
    "Relu": pointwise(tf.nn.relu),
    "Reshape": reshape,
    "Resize": resize,
    "Sigmoid": pointwise(tf.sigmoid),
    "Slice": slices,
    "Split": split,
    "Sqrt": pointwise(tf.sqrt),
    "Squeeze": squeeze,
    "Sub": paired(tf.subtract),
    "Tanh": pointwise(tf.tanh),
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
"""ONNX operator → function of its operands and attributes."""
