"""Reader of ExecuTorch's .pte files without running them.

A file is a list of calls to portable operators and delegates, with their constants. The note is a
JSON string that method `edge_imgq` returns.
"""

from __future__ import annotations

import json
import math
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
from edge_imgq.library_warnings import without_library_warnings
from edge_imgq.native_output import without_lines
from edge_imgq.runtime.xnnpack_graph import read_graph

MARK = b"ET"
"""Magic bytes of the format, at offset 4."""

NOTE = "edge_imgq"
"""Method that returns the note."""

MAIN = "forward"
"""Method that takes the image and returns the result."""

XNNPACK, PORTABLE = "XNNPACK", "ExecuTorch's portable kernels"
"""Units that compute operators."""

TYPES = {0: "uint8", 1: "int8", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 11: "bool"}
"""NumPy element types by torch's ScalarType code."""

XNNPACK_TYPES = {
    "fp32": "float32", "qint8": "int8", "qcint8": "int8", "qint32": "int32", "qcint32": "int32"
}  # fmt: skip
"""NumPy element types by XNNPACK name; q means quantized, c one scale per channel."""


@dataclass(frozen=True)
class Value:
    """A tensor that operators read or write.

    Attributes:
        shape: in the unit's layout: images are (N, H, W, C) in XNNPACK, (N, C, H, W) elsewhere.
        dtype: NumPy element type.
        data: bytes of a constant; None for a computed tensor.
    """

    shape: tuple[int, ...]
    dtype: str
    data: bytes | None = field(default=None, repr=False)

    @property
    def bytes(self) -> int:
        """Size of all elements in their stored type, in bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def array(self) -> Any:
        """Contents of a constant, a read-only NumPy array in its shape and stored type.

        Raises:
            ValueError: the tensor is computed, so the file has no contents of it.
        """
        values = np.frombuffer(self.data or b"", self.dtype, math.prod(self.shape))
        return values.reshape(self.shape)


@dataclass(frozen=True)
class Call:
    """An operator of a file.

    Attributes:
        unit: XNNPACK or PORTABLE.
        kind: the unit's operator name.
        reads: input value names, in the unit's order.
        writes: output value names, in the unit's order.
        options: attributes of XNNPACK operators, by the names in ExecuTorch's schema.
    """

    unit: str
    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ProgramFile:
    """Contents of a file.

    Attributes:
        note: embedded metadata.
        calls: operators in execution order.
        values: tensors by name.
        images: input names, the photograph first.
        results: output names, the contract's first output first.
        partitions: number of XNNPACK delegates.
    """

    note: FileNote
    calls: tuple[Call, ...]
    values: Mapping[str, Value]
    images: tuple[str, ...]
    results: tuple[str, ...]
    partitions: int

    @property
    def size(self) -> tuple[int, int]:
        """Exported (height, width) in pixels of the first input, the image."""
        height, width = self.values[self.images[0]].shape[2:]
        return height, width


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress output and warnings of ExecuTorch and torch within a `with` block.

    Both report trifles there; errors in a file or graph are exceptions, which pass.
    """
    with without_library_warnings(), without_lines(b""):
        yield


def read_program(path: Path) -> ProgramFile:
    """Read the operators, tensors and note of a .pte file, without running it.

    Operators inside XNNPACK delegates are listed, too.

    Raises:
        ModelError: the file is missing, damaged, or not written by edge-imgq.
        RuntimeUnavailableError: ExecuTorch is not installed.
    """
    opened = _opened(path)
    note = _note(opened.program, path)
    try:
        with quiet():
            return _Reader(opened).program_file(note)
    except (ValueError, LookupError, OSError, TypeError, CalledProcessError) as error:
        raise ModelError(f"{path} is damaged: {error}.") from error


def read_note(path: Path) -> FileNote:
    """Read the note that edge-imgq stored in a .pte file.

    Raises:
        ModelError: the file is missing, damaged, or not written by edge-imgq.
        RuntimeUnavailableError: ExecuTorch is not installed.
    """
    return _note(_opened(path).program, path)


def _opened(path: Path) -> Any:
    """Parse a file with ExecuTorch's deserializer, constants and delegates included."""
    extra = FORMATS["executorch"].extra
    if extra is not None and extra.is_missing:
        raise RuntimeUnavailableError(extra.reason)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    if data[4:6] != MARK:
        raise ModelError(f"{path} is not an ExecuTorch file, or its beginning is missing.")
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
    """Collects the operators and values of a parsed file."""

    def __init__(self, opened: Any) -> None:
        self._program, self._named = opened.program, opened.named_data
        (self._plan,) = (p for p in opened.program.execution_plan if p.name == MAIN)
        self._values: dict[str, Value] = {}
        self._calls: list[Call] = []
        self._partitions = 0

    def program_file(self, note: FileNote) -> ProgramFile:
        from executorch.exir.schema import DelegateCall, KernelCall

        instructions = [one.instr_args for chain in self._plan.chains for one in chain.instructions]
        for call in instructions:
            if isinstance(call, DelegateCall):
                self._delegate(call)
            elif isinstance(call, KernelCall):
                self._kernel(call)
        images = tuple(name for index in self._plan.inputs for name in self._tensors(index))
        results = tuple(name for index in self._plan.outputs for name in self._tensors(index))
        calls = tuple(self._calls)
        return ProgramFile(note, calls, self._values, images, results, self._partitions)

    def _kernel(self, call: Any) -> None:
        """Add a portable operator; its last argument is the output."""
        operator = self._plan.operators[call.op_index]
        writes = self._tensors(call.args[-1])
        reads = [name for index in call.args[:-1] for name in self._tensors(index)]
        kind = (
            operator.name
            if operator.overload in ("", "out")
            else (f"{operator.name}.{operator.overload}")
        )
        self._calls.append(Call(PORTABLE, kind, tuple(r for r in reads if r not in writes), writes))

    def _delegate(self, call: Any) -> None:
        """Add the operators of an XNNPACK delegate, with prefixed value names."""
        delegate = self._plan.delegates[call.delegate_index]
        data = self._program.backend_delegate_data[delegate.processed.index].data
        outside = [name for index in call.args for name in self._tensors(index)]
        graph, prefix = read_graph(data), f"{self._partitions}."
        self._partitions += 1
        names = {
            key: f"{prefix}{key}" if value.argument is None else outside[value.argument]
            for key, value in graph.values.items()
        }
        for key, value in graph.values.items():
            if value.argument is None:
                constant = self._constant(value.key) if value.key else None
                self._values[names[key]] = Value(value.shape, XNNPACK_TYPES[value.dtype], constant)
        for node in graph.nodes:
            reads = tuple(names[key] for key in node.reads)
            self._calls.append(Call(XNNPACK, node.kind, reads, (names[node.write],), node.options))

    def _constant(self, key: str) -> bytes:
        data: bytes = self._named.buffers[self._named.pte_data[key].buffer_index]
        return data

    def _tensors(self, index: int) -> tuple[str, ...]:
        """Return the tensor names of a value: several for a list, none for a scalar."""
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
