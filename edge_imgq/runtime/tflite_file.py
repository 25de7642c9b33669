"""Reading what a .tflite file says about itself, without running it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError

METADATA_NAME = "edge-imgq"
"""Name of the metadata entry whose buffer is the file's note, as JSON."""

FILE_IDENTIFIER = b"TFL3"


def read_model(path: Path) -> Any:
    """Return a .tflite file as the schema's ModelT.

    Raises:
        ModelError: it is missing, truncated, or no TFLite file.
    """
    from ai_edge_litert import schema_py_generated as schema

    data = read_bytes(path)
    try:
        return schema.ModelT.InitFromPackedBuf(data, 0)
    except Exception as error:  # a broken offset surfaces as struct.error, IndexError and others
        raise ModelError(f"{path} is damaged or truncated. Export it again.") from error


def read_bytes(path: Path) -> bytes:
    """Return a .tflite file's bytes after checking its identifier.

    Raises:
        ModelError: it is missing, a folder, or no TFLite file.
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
    """Return what edge-imgq wrote into a .tflite file about it.

    Raises:
        ModelError: it is missing, damaged, or was not written by edge-imgq.
    """
    return FileNote.from_strings(metadata_of(read_model(path)), str(path))


def computes_in_integers(path: Path) -> bool:
    """Tell whether no operator of a .tflite file reads or writes float values.

    Raises:
        ModelError: it is missing or damaged.
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


def metadata_of(model: Any) -> dict[str, str]:
    """Return the string pairs that edge-imgq embedded in a file; empty if it did not write it."""
    for entry in model.metadata or []:
        if _text(entry.name) == METADATA_NAME:
            try:
                pairs: dict[str, str] = json.loads(bytes(model.buffers[entry.buffer].data))
            except (ValueError, TypeError):
                return {}
            return pairs
    return {}


def _text(name: bytes | str | None) -> str:
    """Return a string of the schema, which reads as bytes."""
    return name.decode() if isinstance(name, bytes) else name or ""
