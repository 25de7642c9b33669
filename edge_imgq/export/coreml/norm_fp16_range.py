"""Inverse deviation of a normalisation within float16's range.

Normalisations are decomposed in the graph (`edge_imgq.graph.passes.normalise.decompose_norm`): with
d the image minus its mean, d is multiplied by

    r = (mean(d²) + ε)^(−½).

float16 ends at 65504, so d² overflows from 256 on, and below 6·10⁻⁵ it loses bits. Dividing by p,
the larger of √ε and the largest |d| that is normalised together, is exact in real numbers and
limits the range:

    r = (mean((d/p)²) + (√ε/p)²)^(−½) / p.

The operations of the formula are fused into one, which is lowered as above.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge_imgq.export.coreml.integer_units import (
    MIN_FLOAT16,
    LoweringContext,
    Variable,
    mb,
    real,
    to_float16,
)
from edge_imgq.export.coreml.shape import integers
from edge_imgq.graph.network import Network, Operation, Tensor

INVERSE_DEVIATION = "InverseDeviation"
"""Kind of the fused operation from d to r."""

INVERSE_ROOT = -0.5
STATISTICS = frozenset({"ReduceMean", "MatMul", "Unsqueeze"})
"""Operators of a decomposed mean: over axes in turn, over groups by a matrix."""

CALLER = Operation("", "the caller", (), (), {})


@dataclass(frozen=True)
class NormPattern:
    """A match of the formula.

    Attributes:
        members: its operations, from the square to the power.
        fused: the operation that replaces them.
    """

    members: tuple[Operation, ...]
    fused: Operation


def gather_deviations(network: Network) -> Network:
    """Fuse each decomposed inverse deviation 1 / √(mean(d²) + ε) into one operation.

    The pattern is Mul(d, d) → means (STATISTICS) → Add ε → Pow −½ of float values that nothing else
    reads; the operation that replaces it has kind INVERSE_DEVIATION, inputs d and ε, and attributes
    `axes` and `groups`. Exact in real numbers. A network without any keeps its operations.
    """
    readers = _readers(network)
    chains = [chain for op in network.operations if (chain := _chain(op, readers)) is not None]
    fused_by_last = {id(chain.members[-1]): chain.fused for chain in chains}
    inner = {id(member) for chain in chains for member in chain.members[:-1]}
    operations = tuple(
        fused_by_last.get(id(operation), operation)
        for operation in network.operations
        if id(operation) not in inner
    )
    return replace(network, operations=operations)


def inverse_deviation(context: LoweringContext) -> Variable:
    """Lower r = 1 / √(mean(d²) + ε) in float16; return its MIL variable.

    Input 0 is d, the deviation from the mean, in real values (N, C, …); input 1 is ε, a constant
    scalar or one per channel. Attribute `axes` says over which axes the mean is taken; they are
    kept with length 1. Attribute `groups`, if not 0, is the number of groups of channels that share
    a mean. d is first divided by its largest magnitude there, or √ε if larger, so that no square
    overflows float16; every step is rounded to float16.

    Raises:
        ModelError: √ε exceeds float16.
    """
    operation, d = context.operation, context.read(0)
    axes, groups = list(context.attribute("axes", ())), context.attribute("groups", 0)
    root = to_float16(np.sqrt(real(operation.operand(1))), operation.name)
    peak = mb.reduce_max(x=mb.abs(x=d), axes=axes, keep_dims=True)
    peak = mb.maximum(x=over_groups(peak, groups, mb.reduce_max), y=root)
    ratio = mb.real_div(x=d, y=peak)
    square = mb.mul(x=ratio, y=ratio)
    variance = mb.reduce_mean(x=square, axes=axes, keep_dims=True)
    floor = mb.real_div(x=root, y=peak)
    positive = mb.add(x=over_groups(variance, groups, mb.reduce_mean), y=mb.mul(x=floor, y=floor))
    return mb.real_div(x=mb.rsqrt(x=positive, epsilon=MIN_FLOAT16), y=peak)


def over_groups(statistic: Any, groups: int, reduce: Any) -> Any:
    """Reduce a per-channel statistic over groups of adjacent channels, in the shape (N, C, 1, …).

    Each channel gets the value of its group.

    Args:
        statistic: MIL variable of that shape.
        groups: number of groups, a divisor of C; 0 to return the statistic unchanged.
        reduce: MIL's builder of the reduction.
    """
    if not groups:
        return statistic
    shape = list(statistic.shape)
    size = shape[1] // groups
    grouped = mb.reshape(x=statistic, shape=[shape[0], groups, size])
    reduced_group = reduce(x=grouped, axes=[2], keep_dims=True)
    return mb.reshape(x=mb.tile(x=reduced_group, reps=[1, 1, size]), shape=shape)


def _readers(network: Network) -> dict[str, list[Operation]]:
    readers: dict[str, list[Operation]] = {tensor.name: [CALLER] for tensor in network.outputs}
    for operation in network.operations:
        for name in {tensor.name for tensor in operation.inputs if tensor is not None}:
            readers.setdefault(name, []).append(operation)
    return readers


def _chain(square: Operation, readers: Mapping[str, list[Operation]]) -> NormPattern | None:
    """Return the match that begins with a square of float values, or None."""
    if square.kind != "Mul" or square.inputs[0] != square.inputs[1]:
        return None
    members = (square, *_sole_readers(square, readers))
    kinds = [member.kind for member in members]
    statistics = members[1:-2]
    if kinds[-2:] != ["Add", "Pow"] or not {op.kind for op in statistics} <= STATISTICS:
        return None
    exponent = members[-1].operand(1).data
    epsilon = next((t for t in members[-2].inputs if t is not None and t.data is not None), None)
    if exponent is None or exponent.size != 1 or float(exponent.reshape(-1)[0]) != INVERSE_ROOT:
        return None
    if epsilon is None or epsilon.shape not in _broadcasting(members[-2].output.shape):
        return None
    attributes = reduced(statistics)
    if attributes is None or not (real(epsilon) > 0).all():
        return None
    inputs = (square.operand(0), epsilon)
    fused = replace(members[-1], kind=INVERSE_DEVIATION, inputs=inputs, attributes=attributes)
    return NormPattern(members, fused)


def _sole_readers(start: Operation, readers: Mapping[str, list[Operation]]) -> Iterator[Operation]:
    """Yield the chain of sole readers of a float value, up to a Pow."""
    operation = start
    while operation.kind != "Pow" and len(operation.outputs) == 1:
        output = operation.output
        followers = readers.get(output.name, [])
        if output.quantization is not None or operation.activation or len(followers) != 1:
            return
        operation = followers[0]
        yield operation


def _broadcasting(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of a scalar and of one value per channel at the rank of `shape`."""
    rank = len(shape)
    channels = (1, shape[1], *(1,) * (rank - 2)) if rank > 1 else shape
    return (), (1,), (1,) * rank, channels


def reduced(statistics: tuple[Operation, ...]) -> dict[str, Any] | None:
    """Return the axes and channel groups over which operations take a mean.

    None if they compute anything but a mean over axes, or over equal groups of channels as well.

    Args:
        statistics: operations of the kinds in STATISTICS, in order; the first reads the image.

    Returns:
        "axes": axes, sorted and counted from 0; "groups": number of groups of channels that share
        a mean, 0 if the mean is over the axes alone.
    """
    groups, axes = _groups(statistics), _axes(statistics)
    return None if groups is None or not axes else {"axes": axes, "groups": groups}


def _axes(statistics: tuple[Operation, ...]) -> tuple[int, ...]:
    rank = len(statistics[0].operand(0).shape) if statistics else 0
    means = [operation for operation in statistics if operation.kind == "ReduceMean"]
    return tuple(sorted({axis % rank for mean in means for axis in integers(mean, 1, "axes")}))


def _groups(statistics: tuple[Operation, ...]) -> int | None:
    """Return the number of channel groups that share a mean, 0 for none; None if no match."""
    means = [operation for operation in statistics if operation.kind == "ReduceMean"]
    others = statistics[len(means) :]
    kinds = [operation.kind for operation in others]
    if not kinds:
        return 0 if all(mean.attributes.get("keepdims", 1) for mean in means) else None
    return _blocks(others[0].operand(1)) if kinds == ["MatMul", "Unsqueeze"] else None


def _blocks(matrix: Tensor) -> int | None:
    """Return the number of equal blocks that a matrix averages over; None for other matrices."""
    if matrix.data is None or matrix.data.ndim != 2 or not matrix.data[0, 0] > 0:
        return None
    count, size = len(matrix.data), round(1 / float(matrix.data[0, 0]))
    if count % size:
        return None
    blocks = np.kron(np.eye(count // size), np.full((size, size), 1 / size))
    equal = matrix.data.shape == blocks.shape and np.allclose(matrix.data, blocks, atol=1e-6)
    return count // size if equal else None
