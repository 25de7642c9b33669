"""Reader of TFLite files compiled for an NPU, without running them.

LiteRT's compiler replaces each group of operators that the NPU takes by a DISPATCH_OP, appends the
vendor's bytecode to the file, and adds the chip as metadata.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_imgq.chips import Chip, chip_of
from edge_imgq.errors import ModelError
from edge_imgq.runtime.protocol import Placement
from edge_imgq.runtime.tflite_file import read_bytes, read_model, read_note

DISPATCH = b"DISPATCH_OP"
STAMP = b"LiteRtStamp"
"""Metadata entry with manufacturer and model of the chip, in two fields of equal length."""


@dataclass(frozen=True)
class Dispatch:
    """A compiled group of operators.

    Attributes:
        name: name of the compiled graph.
        bytecode: output of the vendor's compiler.
        source, result: tensor names of the file's input and output.
        input_shape, output_shape: their shapes, (1, height, width, channels).
    """

    name: str
    bytecode: bytes
    source: str
    result: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]


def compiled_for(path: Path) -> Chip | None:
    """Return the chip whose NPU a .tflite file is compiled for; None if it is an ordinary file.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
    """
    if STAMP not in read_bytes(path):  # quicker than to parse every file
        return None
    model = read_model(path)
    return _chip(model) if _dispatches(model) else None


def refusal(path: Path) -> str:
    """Return why a device with LiteRT alone does not run a file, a clause; "" if it may run it.

    A file does not run if it is compiled for an NPU. Missing and damaged files return "", too:
    opening them reports the error.
    """
    chip = None
    with suppress(ModelError):
        chip = compiled_for(path)
    if chip is None:
        return ""
    return (
        f"it is compiled for the NPU of {chip}, and runs there alone, with {chip.vendor.name}'s "
        "dispatch library; `verify` without --device runs it in an emulator, where there is one"
    )


def placement(path: Path) -> Placement:
    """Report how many operators of a compiled .tflite file the NPU runs, and which the CPU runs.

    The operators inside compiled groups cannot be listed; their number is that of the file before
    compilation, which the note states, less those left to the CPU.

    Raises:
        ModelError: the file is missing, damaged, not compiled, or has no note.
    """
    model, chip = _opened(path)
    groups = len(_dispatches(model))
    left = tuple(
        _kind(model, operator)
        for operator in model.subgraphs[0].operators
        if not _is_dispatch(model, operator)
    )
    count = read_note(path).operators
    return Placement(f"the NPU of {chip}", count, count - len(left), groups, left)


def whole_dispatch(path: Path) -> Dispatch | None:
    """Return the compiled graph of a file that the NPU runs entirely; None if the CPU runs a part.

    The file must have one input and one output. It is also None if the NPU runs several groups.

    Raises:
        ModelError: the file is missing, damaged, truncated, or not compiled.
    """
    from flatbuffers import flexbuffers

    model, _ = _opened(path)
    graph = model.subgraphs[0]
    if len(graph.operators) > 1 or len(model.subgraphs) > 1:
        return None
    (operator,) = graph.operators
    options = flexbuffers.Loads(bytes(operator.customOptions))
    start, length = int(options["bytecode_offset"]), int(options["bytecode_size"])
    bytecode = read_bytes(path)[start : start + length]
    if len(bytecode) < length:
        raise ModelError(f"{path} is truncated. Export it again.")
    source, result = (graph.tensors[ends[0]] for ends in (graph.inputs, graph.outputs))
    return Dispatch(
        name=options["name"],
        bytecode=bytecode,
        source=source.name.decode(),
        result=result.name.decode(),
        input_shape=tuple(map(int, source.shape)),
        output_shape=tuple(map(int, result.shape)),
    )


def _opened(path: Path) -> tuple[Any, Chip]:
    model = read_model(path)
    if not _dispatches(model):
        raise ModelError(f"{path} is not compiled for an NPU.")
    return model, _chip(model)


def _dispatches(model: Any) -> list[Any]:
    operators = model.subgraphs[0].operators
    return [operator for operator in operators if _is_dispatch(model, operator)]


def _is_dispatch(model: Any, operator: Any) -> bool:
    return bool(model.operatorCodes[operator.opcodeIndex].customCode == DISPATCH)


def _kind(model: Any, operator: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    return str(names.get(number, number))


def _chip(model: Any) -> Chip:
    for entry in model.metadata or []:
        if entry.name == STAMP:
            data = bytes(model.buffers[entry.buffer].data)
            middle = len(data) // 2
            fields = (data[:middle], data[middle:])
            maker, kind = (field.split(b"\0")[0].decode() for field in fields)
            return chip_of(maker, kind)
    return chip_of("a vendor that it does not name", "an unnamed chip")
