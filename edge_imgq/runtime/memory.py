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

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_imgq.errors import ModelError
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
class Step:
    """One operator: its kind, and the names of what it reads and writes; its data comes first."""

    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A file as its operators in the order of execution.

    Attributes:
        steps: the operators.
        sizes: bytes of everything that they read and write, constants included or not.
        inputs: names of the images.
        outputs: names of the results.
        size: height and width of the image.
    """

    steps: tuple[Step, ...]
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
    return peak(READERS[path.suffix.lower()](path, size))


def known_memory(path: Path, size: tuple[int, int] = (0, 0)) -> ActivationMemory | Skipped:
    """Return the memory of anyone's file, or why it is not known; see `activation_memory`."""
    try:
        return activation_memory(path, size)
    except ModelError as error:
        return Skipped(str(error))


def peak(plan: Plan) -> ActivationMemory:
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


def _lives(steps: Sequence[Step], plan: Plan) -> dict[str, tuple[int, int]]:
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


def _reached(steps: Sequence[Step], inputs: Iterable[str]) -> list[Step]:
    """Return the steps that read something computed from an image, with those reads alone."""
    computed = set(inputs)
    found = []
    for step in steps:
        reads = tuple(name for name in step.reads if name in computed)
        if reads:
            found.append(Step(step.kind, reads, step.writes))
            computed.update(step.writes)
    return found


def _fused(steps: Sequence[Step], edges: set[str]) -> list[Step]:
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
        Step(step.kind, tuple(map(name_of, step.reads)), tuple(map(name_of, step.writes)))
        for step in kept
    ]


def _tflite(path: Path, size: tuple[int, int]) -> Plan:
    """Read a .tflite file at its own size; the first signature's where it has several.

    What takes no image has none of its own, and gets the size given.
    """
    from ai_edge_litert import schema_py_generated as schema

    from edge_imgq.runtime.tflite_file import read_model

    kinds = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    types = {code: name.lower() for name, code in vars(schema.TensorType).items()}
    model = read_model(path)
    graph = model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]

    def named(indices: Iterable[Any]) -> tuple[str, ...]:
        return tuple(names[int(index)] for index in indices if int(index) >= 0)

    steps = (
        Step(kinds[codes[op.opcodeIndex]], named(op.inputs), named(op.outputs))
        for op in graph.operators
    )
    sizes = {
        name: math.prod(map(int, tensor.shape)) * np.dtype(types[tensor.type]).itemsize
        for name, tensor in zip(names, graph.tensors, strict=True)
        if tensor.shape is not None
    }
    image = [int(length) for length in graph.tensors[graph.inputs[0]].shape]
    own = (image[1], image[2]) if len(image) == 4 else size
    return Plan(tuple(steps), sizes, named(graph.inputs), named(graph.outputs), own)


def _onnx(path: Path, size: tuple[int, int]) -> Plan:
    """Read an .onnx file at its own size, or at the one given."""
    import onnx_ir as ir

    from edge_imgq.graph.size import bind_size, own_size

    model = ir.load(path)
    bound = own_size(model) or size
    graph = bind_size(model, bound).graph
    sizes = {}
    for value in (*graph.inputs, *(output for node in graph for output in node.outputs)):
        if value.shape is None or value.dtype is None or not value.shape.is_static():
            raise ModelError(f"{path} does not say how large {value.name} is.")
        sizes[str(value.name)] = math.prod(value.shape.numpy()) * int(value.dtype.itemsize)

    def named(values: Iterable[ir.Value | None]) -> tuple[str, ...]:
        return tuple(str(value.name) for value in values if value is not None)

    steps = (Step(node.op_type, named(node.inputs), named(node.outputs)) for node in graph)
    return Plan(tuple(steps), sizes, named(graph.inputs), named(graph.outputs), bound)


def _coreml(path: Path, size: tuple[int, int]) -> Plan:  # noqa: ARG001
    """Read a package in the types that its program declares."""
    from edge_imgq.runtime.mil.package import open_package
    from edge_imgq.runtime.mil.program import DTYPES, read_program

    program = read_program(open_package(path))
    sizes = {
        name: math.prod(value.shape) * np.dtype(DTYPES[value.dtype.upper()]).itemsize
        for name, value in program.declared.items()
        if value.dtype.upper() in DTYPES
    }
    steps = (
        Step(
            statement.kind,
            tuple(name for names in statement.inputs.values() for name in names),
            tuple(value.name for value in statement.outputs),
        )
        for statement in program.statements
    )
    inputs = tuple(value.name for value in program.inputs)
    own = program.inputs[0].shape[2:4]
    return Plan(tuple(steps), sizes, inputs, program.outputs, (own[0], own[1]))


READERS: dict[str, Callable[[Path, tuple[int, int]], Plan]] = {
    ".tflite": _tflite,
    ".onnx": _onnx,
    ".mlpackage": _coreml,
}
"""File name extension → what reads its operators and the sizes of its tensors."""
