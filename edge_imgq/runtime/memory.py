"""How much memory the activations of a file need at once, and at which operator.

A tensor lives from the operator that writes it to the last that reads it; the image lives
throughout and the result to the end, since the caller holds them. The most bytes alive at once is
what no allocator can go below. Runtimes take one block, the arena, and lay the tensors into it: the
largest first, each into the smallest gap that is free while it lives. TFLite and XNNPACK do so
(Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, algorithm 3),
and add working space of their own.

A quantizer and a dequantizer between operators count as nothing: runtimes fuse them, so what lies
between two operators of a QDQ graph is the integer tensor.
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
"""Bytes that the beginning of a tensor is a multiple of."""


@dataclass(frozen=True)
class ActivationMemory:
    """The most memory that activations need at once.

    Attributes:
        bytes: alive at that moment.
        arena: bytes of one block that holds all of them, packed as runtimes pack.
        operator: the operator that runs then, with the name of what it writes.
        tensors: how many are alive.
        size: height and width of the image.
    """

    bytes: int
    arena: int
    operator: str
    tensors: int
    size: tuple[int, int]


@dataclass(frozen=True)
class ExecutionStep:
    """One operator: its kind, and the names of what it reads and writes; its data comes first."""

    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class MemoryPlan:
    """A file as its operators in the order of execution.

    Attributes:
        steps: the operators.
        sizes: bytes of everything that they read and write, constants included or not.
        inputs: names of the images.
        outputs: names of the results.
        size: height and width of the image.
    """

    steps: tuple[ExecutionStep, ...]
    sizes: Mapping[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    size: tuple[int, int] = (0, 0)


def activation_memory(path: Path, size: tuple[int, int]) -> ActivationMemory:
    """Return the memory of a file's activations.

    Args:
        path: a file that edge-imgq wrote.
        size: height and width of the input, for files that take any; others have their own.

    Raises:
        ModelError: the file is not whole, or does not fit the size.
    """
    form = format_of(path)
    if form is None:
        raise ModelError(f"{path} {unknown(path)}.")
    read: Callable[[Path, tuple[int, int]], MemoryPlan] = form.functions.memory_plan
    return peak(read(path, size))


def known_memory(path: Path, size: tuple[int, int] = (0, 0)) -> ActivationMemory | Skipped:
    """Return the memory of a file's activations, or why it is not known."""
    try:
        return activation_memory(path, size)
    except ModelError as error:
        return Skipped(str(error))


def peak(plan: MemoryPlan) -> ActivationMemory:
    """Return the most memory that is alive at one step; what no image reaches does not count."""
    steps = _fused(_reached(plan.steps, plan.inputs), {*plan.inputs, *plan.outputs})
    lives = _lives(steps, plan)
    alive = [
        [name for name, (first, last) in lives.items() if first <= index <= last]
        for index in range(max(len(steps), 1))
    ]
    totals = [sum(plan.sizes[name] for name in names) for names in alive]
    where = int(np.argmax(totals))
    kind = f"{steps[where].kind} '{steps[where].writes[0]}'" if steps else "nothing"
    arena = _arena({name: plan.sizes[name] for name in lives}, lives)
    return ActivationMemory(totals[where], arena, kind, len(alive[where]), plan.size)


def _lives(steps: Sequence[ExecutionStep], plan: MemoryPlan) -> dict[str, tuple[int, int]]:
    """Return the first and the last step that each tensor is needed at."""
    lives: dict[str, tuple[int, int]] = {}
    for index, step in enumerate(steps):
        for name in (*step.reads, *step.writes):
            lives[name] = (lives.get(name, (index, index))[0], index)
    last = max(len(steps) - 1, 0)
    results = {name: (lives.get(name, (0, last))[0], last) for name in plan.outputs}
    return lives | results | dict.fromkeys(plan.inputs, (0, last))


def _arena(sizes: Mapping[str, int], lives: Mapping[str, tuple[int, int]]) -> int:
    """Return the bytes of one block, the largest tensors laid into it first."""
    placed: dict[str, tuple[int, int]] = {}
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        first, last = lives[name]
        taken = sorted(
            placed[other]
            for other in placed
            if lives[other][0] <= last and first <= lives[other][1]
        )
        length = sizes[name] + -sizes[name] % ALIGNED
        start = _smallest_gap(taken, length)
        placed[name] = (start, start + length)
    return max((end for _, end in placed.values()), default=0)


def _smallest_gap(taken: Sequence[tuple[int, int]], length: int) -> int:
    """Return where the smallest gap that is long enough begins, or the end of all."""
    best, end = None, 0
    for start, stop in taken:
        gap = start - end
        if gap >= length and (best is None or gap < best[0]):
            best = (gap, end)
        end = max(end, stop)
    return end if best is None else best[1]


def _reached(steps: Sequence[ExecutionStep], inputs: Iterable[str]) -> list[ExecutionStep]:
    """Return the steps that read something computed from an image, with those reads alone."""
    computed = set(inputs)
    found = []
    for step in steps:
        reads = tuple(name for name in step.reads if name in computed)
        if reads:
            found.append(ExecutionStep(step.kind, reads, step.writes))
            computed.update(step.writes)
    return found


def _fused(steps: Sequence[ExecutionStep], edges: set[str]) -> list[ExecutionStep]:
    """Return the steps without quantizers and dequantizers; both their sides are one tensor."""
    same: dict[str, str] = {}
    kept = []
    for step in steps:
        wide, narrow = step.reads[0], step.writes[0]
        if step.kind in DEQUANTIZERS:
            wide, narrow = narrow, wide
        if step.kind in QUANTIZERS | DEQUANTIZERS and wide not in edges:
            same[wide] = narrow
        else:
            kept.append(step)

    def name_of(name: str) -> str:
        while name in same:
            name = same[name]
        return name

    return [
        ExecutionStep(step.kind, tuple(map(name_of, step.reads)), tuple(map(name_of, step.writes)))
        for step in kept
    ]
