"""Estimated time of an operator without rewrites, from a timed kernel profile.

Only ratios matter: estimates compare files of one network. `bench` measures actual latency.
"""

from __future__ import annotations

from math import prod

from edge_imgq.graph.network import Operation, Tensor
from edge_imgq.graph.operators import MOVING, REDUCING, RESHAPING, operators
from edge_imgq.kernels.profile import TimedProfile

POOLING = operators(lambda row: row.window and row.pools)
REDUCTIONS = REDUCING | operators(lambda row: row.pools and not row.window)
SHUFFLES = frozenset({"DepthToSpace", "SpaceToDepth"})
FREE = RESHAPING | {"Cast", "Dropout", "Identity"}
"""Operators that move no data at run time. Operators in none of these sets cost per element."""


def operation_time(operation: Operation, profile: TimedProfile, *, in_float: bool) -> float:
    """Return the estimated time of an operation on one image, in ns of one thread.

    Conversions between int8 and float around it are not included. A fused activation costs
    nothing, nor does an operator that moves no data, such as Reshape.

    Args:
        operation: operation of static shapes; images are (1, C, H, W).
        profile: timed kernel profile of the processor.
        in_float: whether it computes in float; else in int8.
    """
    times, kind = profile.times.of(in_float=in_float), operation.kind
    if kind in ("Conv", "ConvTranspose") and operation.operand(1).data is not None:
        return _convolution(operation, profile, in_float=in_float)
    written = sum(_elements(tensor) for tensor in operation.outputs)
    if kind in POOLING:
        element, tap = times.pooling
        taps: int = prod(operation.attributes["kernel_shape"])
        return written * (element + tap * taps)
    if kind in FREE:
        return 0.0
    if kind in MOVING:
        run, element = times.moved
        return run * _runs(operation) + element * written
    if kind in REDUCTIONS:
        return times.reduction * _elements(operation.operand(0))
    if kind == "Resize":
        mode = operation.attributes.get("mode", "nearest")
        return written * times.resize.get(mode, times.other)
    return written * times.elements.get(kind, times.other)


def _convolution(operation: Operation, profile: TimedProfile, *, in_float: bool) -> float:
    times = profile.times.of(in_float=in_float)
    weight, group = operation.operand(1).shape, operation.attributes.get("group", 1)
    taps, transposed = prod(weight[2:]), operation.kind == "ConvTranspose"
    if weight[1] == 1 and group == weight[0] > 1:
        written = operation.output
        return times.depthwise.time(_elements(written) / written.shape[1], written.shape[1], taps)
    inputs, outputs = weight[1], weight[0] // group
    if transposed:
        inputs, outputs = weight[0] // group, weight[1]
    image = operation.operand(0) if transposed else operation.output
    slots = profile.tile(quantized=not in_float).slots(taps, inputs, outputs)
    positions = prod(image.shape[2:]) * (group * times.convolution.grouped if group > 1 else 1)
    return times.convolution.time(positions, taps, slots)


def _runs(operation: Operation) -> float:
    """Return the number of contiguous runs that an operator copies; images are stored NHWC."""
    tensor, written = operation.operand(0), operation.outputs
    if operation.kind in SHUFFLES:
        thin = written[0] if operation.kind == "DepthToSpace" else tensor
        block: int = operation.attributes["blocksize"]
        return _elements(thin) / (thin.shape[1] * block)
    tensors = (*(t for t in operation.inputs if t is not None and t.data is None), *written)
    pieces = tensors[:-1] if operation.kind == "Concat" else written
    same = all(
        len(piece.shape) == 4 and piece.shape[2:] == written[0].shape[2:] for piece in tensors
    )
    if operation.kind in ("Concat", "Slice", "Split") and same:
        return sum(_elements(piece) / piece.shape[1] for piece in pieces)
    return sum(prod(piece.shape[:3]) / piece.shape[1] for piece in written if len(piece.shape) == 4)


def _elements(tensor: Tensor) -> int:
    return prod(tensor.shape)
