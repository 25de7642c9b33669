"""Reading ExecuTorch's .pte files, without running them.

A file is a list of calls, of portable operators and of delegates, with their constants. What
edge-imgq notes of it is a string that its method `edge_imgq` returns: JSON.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import numpy as np

from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError, RuntimeUnavailableError
from edge_imgq.formats import FORMATS
from edge_imgq.native_output import without_lines
from edge_imgq.runtime.xnnpack_graph import read_graph

MARK = b"ET"
"""Of the kind of file, at its fifth byte."""

NOTE = "edge_imgq"
"""Method that returns what a file says about itself."""

MAIN = "forward"
"""Method that takes an image and returns one."""

XNNPACK, PORTABLE = "XNNPACK", "ExecuTorch's portable kernels"
"""What computes operators."""

TYPES = {0: "uint8", 1: "int8", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 11: "bool"}
"""Torch's numbers of types."""

XNNPACK_TYPES = {
    "fp32": "float32", "qint8": "int8", "qcint8": "int8", "qint32": "int32", "qcint32": "int32"
}  # fmt: skip
"""XNNPACK's names of types; q for quantized, c for a scale for each channel."""


@dataclass(frozen=True)
class Value:
    """A tensor that operators read or write.

    Attributes:
        shape: as the unit that computes with it has it; XNNPACK's images are (N, H, W, C).
        dtype: of its numbers.
        data: bytes of a constant; None for what is computed.
    """

    shape: tuple[int, ...]
    dtype: str
    data: bytes | None = field(default=None, repr=False)

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def array(self) -> Any:
        """The numbers of a constant."""
        found = np.frombuffer(self.data or b"", self.dtype, math.prod(self.shape))
        return found.reshape(self.shape)


@dataclass(frozen=True)
class Call:
    """An operator of a file.

    Attributes:
        unit: what computes it, XNNPACK or PORTABLE.
        kind: the unit's name of the operator.
        reads: names of values, in the unit's order.
        writes: likewise.
        options: of XNNPACK's operators, by the names of ExecuTorch's schema.
    """

    unit: str
    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ProgramFile:
    """A whole file.

    Attributes:
        note: what it says about itself.
        calls: its operators in the order of execution.
        values: by name.
        images: names of what it takes, the photograph first.
        result: name of the one that it returns.
        partitions: how many graphs XNNPACK gets.
    """

    note: FileNote
    calls: tuple[Call, ...]
    values: Mapping[str, Value]
    images: tuple[str, ...]
    result: str
    partitions: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the file was written for."""
        height, width = self.values[self.images[0]].shape[2:]
        return height, width


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to itself what ExecuTorch, and torch for it, print and warn of: none of it is an error.

    What is wrong with a file or a graph is raised.
    """
    with warnings.catch_warnings(), without_lines(b""):
        warnings.simplefilter("ignore")
        yield


def read_program(path: Path) -> ProgramFile:
    """Return what a file consists of.

    Raises:
        ModelError: it is missing, damaged, or edge-imgq did not write it.
        RuntimeUnavailableError: ExecuTorch is not installed here.
    """
    found = _opened(path)
    note = _note(found.program, path)
    try:
        with quiet():
            return _Reader(found).program_file(note)
    except (ValueError, LookupError, OSError, TypeError, CalledProcessError) as error:
        raise ModelError(f"{path} is damaged: {error}.") from error


def read_note(path: Path) -> FileNote:
    """Return what a file says about itself; raises what `read_program` raises."""
    return _note(_opened(path).program, path)


def _opened(path: Path) -> Any:
    """Return the file as ExecuTorch's own reader has it: constants and graphs put in place."""
    extra = FORMATS["executorch"].extra
    if extra is not None and extra.is_missing:
        raise RuntimeUnavailableError(extra.reason)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    if data[4:6] != MARK:
        raise ModelError(f"{path} is no ExecuTorch file, or its beginning is missing.")
    try:
        with quiet():
            from executorch.exir._serialize._program import deserialize_pte_binary

            return deserialize_pte_binary(data)
    except Exception as error:  # the reader checks little of what it reads
        raise ModelError(f"{path} is damaged: {type(error).__name__}, {error}.") from error


def _note(program: Any, path: Path) -> FileNote:
    plans = {plan.name: plan for plan in program.execution_plan}
    if NOTE not in plans or MAIN not in plans:
        return FileNote.from_strings({}, str(path))  # raises
    (value,) = (plans[NOTE].values[index].val for index in plans[NOTE].outputs)
    return FileNote.from_strings(json.loads(value.string_val), str(path))


class _Reader:
    """Collects the operators and values of a file that ExecuTorch's reader has opened."""

    def __init__(self, opened: Any) -> None:
        self._program, self._named = opened.program, opened.named_data
        (self._plan,) = (p for p in opened.program.execution_plan if p.name == MAIN)
        self._values: dict[str, Value] = {}
        self._calls: list[Call] = []
        self._partitions = 0

    def program_file(self, note: FileNote) -> ProgramFile:
        from executorch.exir.schema import DelegateCall, KernelCall

        instructions = [
            step.instr_args for chain in self._plan.chains for step in chain.instructions
        ]
        for step in instructions:
            if isinstance(step, DelegateCall):
                self._delegate(step)
            elif isinstance(step, KernelCall):
                self._kernel(step)
        images = tuple(name for index in self._plan.inputs for name in self._tensors(index))
        (result,) = (name for index in self._plan.outputs for name in self._tensors(index))
        return ProgramFile(note, tuple(self._calls), self._values, images, result, self._partitions)

    def _kernel(self, step: Any) -> None:
        """Add a portable operator: its last argument is what it writes."""
        operator = self._plan.operators[step.op_index]
        writes = self._tensors(step.args[-1])
        reads = [name for index in step.args[:-1] for name in self._tensors(index)]
        kind = (
            operator.name
            if operator.overload in ("", "out")
            else (f"{operator.name}.{operator.overload}")
        )
        self._calls.append(Call(PORTABLE, kind, tuple(r for r in reads if r not in writes), writes))

    def _delegate(self, step: Any) -> None:
        """Add the operators of a graph of XNNPACK, under names of their own."""
        delegate = self._plan.delegates[step.delegate_index]
        data = self._program.backend_delegate_data[delegate.processed.index].data
        outside = [name for index in step.args for name in self._tensors(index)]
        graph, prefix = read_graph(data), f"{self._partitions}."
        self._partitions += 1
        names = {
            key: f"{prefix}{key}" if value.place is None else outside[value.place]
            for key, value in graph.values.items()
        }
        for key, value in graph.values.items():
            if value.place is None:
                constant = self._constant(value.key) if value.key else None
                self._values[names[key]] = Value(value.shape, XNNPACK_TYPES[value.dtype], constant)
        for node in graph.nodes:
            reads = tuple(names[key] for key in node.reads)
            self._calls.append(Call(XNNPACK, node.kind, reads, (names[node.write],), node.options))

    def _constant(self, key: str) -> bytes:
        data: bytes = self._named.buffers[self._named.pte_data[key].buffer_index]
        return data

    def _tensors(self, index: int) -> tuple[str, ...]:
        """Return the names of the tensors of a value: one, several of a list, none of a number."""
        value = self._plan.values[index].val
        if hasattr(value, "items"):
            return tuple(n for i in value.items if i >= 0 for n in self._tensors(i))
        if not hasattr(value, "scalar_type"):
            return ()
        name = f"{index}"
        if name not in self._values:
            constant = value.allocation_info is None and value.data_buffer_idx
            data = (
                self._program.constant_buffer[value.data_buffer_idx].storage if constant else None
            )
            self._values[name] = Value(tuple(value.sizes), TYPES[int(value.scalar_type)], data)
        return (name,)
