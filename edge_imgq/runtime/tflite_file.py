"""Reader of .tflite files without running them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError

METADATA_NAME = "edge-imgq"
"""Metadata entry with the note as JSON."""

FILE_IDENTIFIER = b"TFL3"

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
"""Operators whose second input has the shape (…, height, width, channels)."""


def read_model(path: Path) -> Any:
    """Parse a .tflite file to the `ModelT` of LiteRT's schema, an object with mutable fields.

    Raises:
        ModelError: the file is missing, truncated, or not TFLite.
    """
    from ai_edge_litert import schema_py_generated as schema

    data = read_bytes(path)
    try:
        return schema.ModelT.InitFromPackedBuf(data, 0)
    except Exception as error:  # a broken offset surfaces as struct.error, IndexError and others
        raise ModelError(f"{path} is damaged or truncated. Export it again.") from error


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a .tflite file, after checking the identifier "TFL3" at offset 4.

    Raises:
        ModelError: the file is missing, a folder, or not TFLite.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"There is no TFLite file at {path}.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    if data[4:8] != FILE_IDENTIFIER:
        raise ModelError(f"{path} is not a TFLite file, or its beginning is missing.")
    return data


def read_note(path: Path) -> FileNote:
    """Read the note that edge-imgq stored in a .tflite file.

    Raises:
        ModelError: the file is missing, damaged, or not written by edge-imgq.
    """
    return FileNote.from_strings(metadata_of(read_model(path)), str(path))


def computes_in_integers(path: Path) -> bool:
    """Return True if no operator of a .tflite file reads or writes a float32 or float16 tensor.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = read_model(path).subgraphs[0]
    used = (
        int(index)
        for operator in graph.operators
        for index in (*operator.inputs, *operator.outputs)
        if int(index) >= 0
    )
    floating = (schema.TensorType.FLOAT32, schema.TensorType.FLOAT16)
    return all(graph.tensors[index].type not in floating for index in used)


def operator_names(path: Path) -> tuple[str, ...]:
    """List the operators of a .tflite file in execution order, e.g. "CONV_2D 3x3 24→16".

    Convolutions include kernel height and width, and input and output channels. Operators unknown
    to the schema are "CUSTOM". Of several subgraphs, the first is listed.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
    """
    from ai_edge_litert import schema_py_generated as schema

    kinds = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    model = read_model(path)
    graph = model.subgraphs[0]
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    names = []
    for operator in graph.operators:
        kind = kinds.get(codes[operator.opcodeIndex], "CUSTOM")
        ends = (operator.inputs[0], operator.outputs[0])
        if kind in CONVOLUTIONS:
            if kind == "TRANSPOSE_CONV":  # its first input is the shape of its output
                ends = (operator.inputs[2], operator.outputs[0])
            read, written = (graph.tensors[int(index)].shape[-1] for index in ends)
            height, width = graph.tensors[int(operator.inputs[1])].shape[1:3]
            kind = f"{kind} {height}x{width} {read}→{written}"
        names.append(kind)
    return tuple(names)


def metadata_of(model: Any) -> dict[str, str]:
    """Return the note of a parsed .tflite file as string pairs; {} if it has none or a damaged one.

    `model` is the `ModelT` that `read_model` returns.
    """
    for entry in model.metadata or []:
        if _text(entry.name) == METADATA_NAME:
            try:
                pairs: dict[str, str] = json.loads(bytes(model.buffers[entry.buffer].data))
            except (ValueError, TypeError):
                return {}
            return pairs
    return {}


def _text(name: bytes | str | None) -> str:
    """Decode a string of the schema, which may be bytes."""
    return name.decode() if isinstance(name, bytes) else name or ""
