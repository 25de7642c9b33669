"""Split of transpositions of six axes and more, beyond Core ML's rank limit, into two.

Attention reshapes an image to six or seven axes, transposes, and reshapes back. A permutation p is
the product of p₁ and p₂, p[i] = p₁[p₂[i]], each of which moves at most five blocks of adjacent
axes. Each block is merged into one axis:

    Reshape(Transpose(Reshape(x, a), p), b) = Reshape(T₂(Reshape(T₁(Reshape(x, a₁)), a₂)), b).

Values are only moved, so the result is exact. Permutations that reduce to five axes in one go are
rewritten in the graph (`edge_imgq.graph.passes.normalise.merge_transpose_axes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, pairwise, permutations
from math import prod

from edge_imgq.graph.network import Network, Operation, Tensor
from edge_imgq.graph.operators import RESHAPING
from edge_imgq.graph.read_network import same_quantization

MAX_AXES = 5
Order = tuple[int, ...]


def split_high_rank_transposes(network: Network) -> Network:
    """Replace each Transpose of more than five axes between reshapes by two of at most five.

    Reshape → Transpose → Reshape becomes Reshape, Transpose, Reshape, Transpose, Reshape, with
    adjacent axes merged. Exact. A Transpose stays if it is a network output, its operand has other
    readers, scales differ, or no two such permutations compose it. Without any, the network itself
    is returned.
    """
    moving = [op for op in network.operations if _has_many_axes(op)]
    if not moving:
        return network
    replacements: dict[str, tuple[Operation, ...]] = {}
    leaving = {tensor.name for tensor in network.outputs}
    for operation in moving:
        if operation.output.name not in leaving:
            replacements |= _replacements(operation, network.operations)
    operations = [new for op in network.operations for new in replacements.get(_key(op), (op,))]
    return replace(network, operations=tuple(operations))


def _has_many_axes(operation: Operation) -> bool:
    return operation.kind == "Transpose" and len(operation.output.shape) > MAX_AXES


def _key(operation: Operation) -> str:
    return operation.outputs[0].name


def _replacements(
    moving: Operation, operations: Sequence[Operation]
) -> dict[str, tuple[Operation, ...]]:
    """Return the replacements by output name of the old operation; empty if not applicable."""
    before = next((op for op in operations if moving.operand(0) in op.outputs), None)
    after = [op for op in operations if moving.output in op.inputs]
    readers = [op for op in operations if moving.operand(0) in op.inputs]
    if before is None or len(readers) != 1 or {op.kind for op in (before, *after)} - RESHAPING:
        return {}
    rank = len(moving.output.shape)
    order = moving.attributes.get("perm", tuple(reversed(range(rank))))
    source, factors = before.operand(0), _factors(order)
    ends = (moving.operand(0), moving.output, *(op.output for op in after))
    same = all(same_quantization(source.quantization, end.quantization) for end in ends)
    if factors is None or not same or not after:
        return {}
    written = tuple(_factored(moving, source, factors))
    moved = written[-1].output
    result = {_key(before): (), _key(moving): written}
    return result | {_key(op): (_reshape(moved, op.output),) for op in after}


def _factored(moving: Operation, source: Tensor, factors: Sequence[Order]) -> Iterator[Operation]:
    """Yield the reshapes and transpositions that replace a transposition."""
    lengths = list(moving.operand(0).shape)
    for number, order in enumerate(factors):
        name = f"{moving.output.name}/step{number}"
        blocks = _blocks(order)
        starts = sorted(block[0] for block in blocks)
        sizes = {block[0]: prod(lengths[axis] for axis in block) for block in blocks}
        shape = tuple(sizes[start] for start in starts)
        merged = replace(source, name=f"{name}/merged", shape=shape)
        yield _reshape(source, merged)
        moved = tuple(sizes[block[0]] for block in blocks)
        source = replace(source, name=name, shape=moved)
        perm = tuple(starts.index(block[0]) for block in blocks)
        yield Operation("Transpose", name, (merged,), (source,), {"perm": perm})
        lengths = [lengths[axis] for axis in order]


def _reshape(source: Tensor, target: Tensor) -> Operation:
    return Operation("Reshape", target.name, (source,), (target,), {})


def _factors(order: Sequence[int]) -> tuple[Order, Order] | None:
    """Factor a permutation into two of at most five blocks each, or return None."""
    count = len(order)
    for first in _of_few_blocks(count):
        second = tuple(first.index(axis) for axis in order)
        if len(_blocks(second)) <= MAX_AXES:
            return first, second
    return None


def _of_few_blocks(count: int) -> Iterator[Order]:
    """Yield the permutations that move blocks of adjacent axes, fewest blocks first."""
    for blocks in range(2, MAX_AXES + 1):
        for cuts in combinations(range(1, count), blocks - 1):
            edges = (0, *cuts, count)
            runs = [tuple(range(a, b)) for a, b in pairwise(edges)]
            for permuted in permutations(runs):
                yield tuple(axis for run in permuted for axis in run)


def _blocks(order: Sequence[int]) -> list[list[int]]:
    """Return the axes in their new order, grouped into runs of consecutive axes."""
    blocks: list[list[int]] = []
    for axis in order:
        if blocks and axis == blocks[-1][-1] + 1:
            blocks[-1].append(axis)
        else:
            blocks.append([axis])
    return blocks
