"""Peak memory of a file's activations, and the operator at which it occurs.

A tensor is alive from the operator that writes it to the last that reads it. Inputs are alive
throughout and outputs to the end, since the caller holds them. The largest sum of live bytes is a
lower bound for any allocator. Runtimes allocate one block, the arena, and place tensors in it:
largest first, each in the smallest gap that is free while it is alive. TFLite and XNNPACK do so
(Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, algorithm 3),
and add workspace.

Quantizers and dequantizers between operators are not counted: runtimes fuse them, so only the
integer tensor exists between two operators of a QDQ graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_imgq.errors import ModelError
from edge_imgq.formats import format_of, unknown
from edge_imgq.skipped import Skipped

QUANTIZERS = frozenset({"QuantizeLinear", "quantize"})
DEQUANTIZERS = frozenset({"DequantizeLinear", "dequantize"})
ALIGNED = 64
"""Alignment of tensors in bytes."""


@dataclass(frozen=True)
class ActivationMemory:
    """Peak memory of activations.

    Attributes:
        bytes: live bytes at the peak, a lower bound for any allocator.
        arena: bytes of one block that holds all tensors, each aligned to 64 bytes, packed as
            runtimes do (algorithm 3 of the module's reference).
        operator: operator at the peak, with the name of its first output.
        tensors: number of live tensors at the peak.
        size: (height, width) of the image in pixels.
    """

    bytes: int
    arena: int
    operator: str
    tensors: int
    size: tuple[int, int]


@dataclass(frozen=True)
class PlannedOperator:
    """One operator of a file.

    Attributes:
        kind: name of the operator in the file's format.
        reads: input names, data before parameters.
        writes: output names.
    """

    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class MemoryPlan:
    """A file's operators in execution order.

    Attributes:
        operators: in execution order.
        sizes: bytes of every tensor that is read or written; constants are optional.
        inputs: names of the inputs.
        outputs: names of the outputs.
        size: (height, width) of the image.
    """

    operators: tuple[PlannedOperator, ...]
    sizes: Mapping[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    size: tuple[int, int] = (0, 0)


def activation_memory(path: Path, size: tuple[int, int]) -> ActivationMemory:
    """Compute the peak memory of a file's activations from its tensors' shapes, without running it.

    Args:
        path: a file that edge-imgq wrote.
        size: (height, width) in pixels for files of open size; ignored by others.

    Raises:
        ModelError: no format has this extension, the file is damaged, or it does not fit the size.
        RuntimeUnavailableError: reading the format needs a package that is not installed.
    """
    row = format_of(path)
    if row is None:
        raise ModelError(f"{path} {unknown(path)}.")
    read: Callable[[Path, tuple[int, int]], MemoryPlan] = row.functions.memory_plan
    return peak(read(path, size))


def known_memory(path: Path, size: tuple[int, int] = (0, 0)) -> ActivationMemory | Skipped:
    """Compute the peak memory of a file's activations, or return the reason why it is unknown.

    Args:
        path: a file that edge-imgq wrote.
        size: (height, width) in pixels for files of open size; the default suits files of fixed
            size.

    Raises:
        RuntimeUnavailableError: reading the format needs a package that is not installed.
    """
    try:
        return activation_memory(path, size)
    except ModelError as error:
        return Skipped(str(error))


def peak(plan: MemoryPlan) -> ActivationMemory:
    """Compute the peak memory of a plan; constants and what follows from them do not count.

    A tensor lives from the operator that writes it to the last that reads it, inputs throughout,
    and outputs to the end. Quantizers and dequantizers are fused: of their two sides only the
    integer tensor counts. `bytes` is exact under these rules; `arena` aligns each tensor to 64
    bytes.

    Raises:
        KeyError: the plan lacks the size of a tensor that depends on an input.
    """
    operators = _fused(_reached(plan.operators, plan.inputs), {*plan.inputs, *plan.outputs})
    lives = _lives(operators, plan)
    alive = [
        [name for name, (first, last) in lives.items() if first <= index <= last]
        for index in range(max(len(operators), 1))
    ]
    totals = [sum(plan.sizes[name] for name in names) for names in alive]
    at_peak = int(np.argmax(totals))
    kind = f"{operators[at_peak].kind} '{operators[at_peak].writes[0]}'" if operators else "nothing"
    arena = _arena({name: plan.sizes[name] for name in lives}, lives)
    return ActivationMemory(totals[at_peak], arena, kind, len(alive[at_peak]), plan.size)


def _lives(operators: Sequence[PlannedOperator], plan: MemoryPlan) -> dict[str, tuple[int, int]]:
    """Return the first and last operator at which each tensor is alive."""
    lives: dict[str, tuple[int, int]] = {}
    for index, operator in enumerate(operators):
        for name in (*operator.reads, *operator.writes):
            lives[name] = (lives.get(name, (index, index))[0], index)
    last = max(len(operators) - 1, 0)
    results = {name: (lives.get(name, (0, last))[0], last) for name in plan.outputs}
    return lives | results | dict.fromkeys(plan.inputs, (0, last))


def _arena(sizes: Mapping[str, int], lives: Mapping[str, tuple[int, int]]) -> int:
    """Return the size of one block with all tensors allocated, largest first."""
    allocated: dict[str, tuple[int, int]] = {}
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        first, last = lives[name]
        taken = sorted(
            allocated[other]
            for other in allocated
            if lives[other][0] <= last and first <= lives[other][1]
        )
        length = sizes[name] + -sizes[name] % ALIGNED
        start = _smallest_gap(taken, length)
        allocated[name] = (start, start + length)
    return max((end for _, end in allocated.values()), default=0)


def _smallest_gap(taken: Sequence[tuple[int, int]], length: int) -> int:
    """Return the start of the smallest sufficient gap, or the end of all tensors."""
    best, end = None, 0
    for start, stop in taken:
        gap = start - end
        if gap >= length and (best is None or gap < best[0]):
            best = (gap, end)
        end = max(end, stop)
    return end if best is None else best[1]


def _reached(operators: Sequence[PlannedOperator], inputs: Iterable[str]) -> list[PlannedOperator]:
    """Return the operators that depend on an input, with only the inputs that do."""
    computed = set(inputs)
    reached = []
    for operator in operators:
        reads = tuple(name for name in operator.reads if name in computed)
        if reads:
            reached.append(PlannedOperator(operator.kind, reads, operator.writes))
            computed.update(operator.writes)
    return reached


def _fused(operators: Sequence[PlannedOperator], edges: set[str]) -> list[PlannedOperator]:
    """Remove quantizers and dequantizers; both of their sides become one tensor."""
    same: dict[str, str] = {}
    kept = []
    for operator in operators:
        wide, narrow = operator.reads[0], operator.writes[0]
        if operator.kind in DEQUANTIZERS:
            wide, narrow = narrow, wide
        if operator.kind in QUANTIZERS | DEQUANTIZERS and wide not in edges:
            same[wide] = narrow
        else:
            kept.append(operator)

    def name_of(name: str) -> str:
        while name in same:
            name = same[name]
        return name

    return [
        PlannedOperator(
            operator.kind, tuple(map(name_of, operator.reads)), tuple(map(name_of, operator.writes))
        )
        for operator in kept
    ]
