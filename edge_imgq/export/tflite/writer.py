"""Collects tensors and operators and writes them as one .tflite flatbuffer.

A file has one subgraph and one signature for each size of the image; subgraphs share constants and
operator codes, so that another size adds a few kilobytes. This file knows TFLite's terms only: it
neither knows ONNX nor layouts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.versions import Use, version

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3
ALIGNMENT = 16
LAST_OLD_CODE = 127
"""Operators above it do not fit the schema's old one-byte field, which then holds 127."""
SIGNATURE = "serving_default"
"""Name of the signature of a file that has one."""

TYPES: Mapping[str, int] = {
    "bool": schema.TensorType.BOOL,
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
}


class AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer whose bytes start at a multiple of 16, as the schema's `force_align` asks.

    The generated class aligns at 4 only; kernels load weights with wider instructions.
    """

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802
        """Write the buffer and return its offset."""
        if self.data is None:
            return int(super().Pack(builder))
        length = len(self.data)
        builder.StartVector(1, length, ALIGNMENT)
        builder.head -= length
        builder.Bytes[builder.head : builder.head + length] = self.data
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


class FileStore:
    """What the subgraphs of one file share: constants, and the codes of operators."""

    def __init__(self) -> None:
        self.buffers: list[Any] = [AlignedBuffer()]
        self._buffer_of: dict[bytes, int] = {}
        self._codes: dict[tuple[int, int], int] = {}

    def buffer(self, data: bytes) -> int:
        """Return the index of a buffer with these contents; equal contents share one."""
        if data not in self._buffer_of:
            buffer = AlignedBuffer()
            buffer.data = data
            self._buffer_of[data] = len(self.buffers)
            self.buffers.append(buffer)
        return self._buffer_of[data]

    def code(self, code: int, number: int) -> int:
        """Return the index of an operator's code and version."""
        return self._codes.setdefault((code, number), len(self._codes))

    def code_at(self, index: int) -> int:
        """Return the code of an operator by the index of its code and version."""
        return list(self._codes)[index][0]

    @property
    def codes(self) -> list[Any]:
        """All operator codes, as the schema has them."""
        return [_operator_code(*pair) for pair in self._codes]


class FileWriter:
    """A subgraph in the making: tensors and operators in the order added."""

    def __init__(self, store: FileStore | None = None) -> None:
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._store = FileStore() if store is None else store

    def add_tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        quantization: Any = None,
        data: NDArray[Any] | None = None,
    ) -> int:
        """Add a tensor and return its index.

        Args:
            name: shown by tools; need not be unique.
            shape: in the file's layout.
            dtype: numpy's name of the element type.
            quantization: a QuantizationParametersT, or None.
            data: contents of a constant; equal contents share one buffer.
        """
        tensor = schema.TensorT()
        tensor.name, tensor.type = name, TYPES[dtype]
        tensor.shape = np.asarray(shape, np.int32)
        tensor.buffer = 0 if data is None else self._store.buffer(data.astype(dtype).tobytes())
        tensor.quantization = quantization
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def add_operator(
        self, code: int, inputs: Sequence[int], outputs: Sequence[int], options: Any = None
    ) -> None:
        """Add an operator; an input of −1 is absent."""
        use = Use(
            [None if index < 0 else self._tensors[index] for index in inputs],
            [self._tensors[index] for index in outputs],
            options,
        )
        operator = schema.OperatorT()
        operator.opcodeIndex = self._store.code(code, version(code, use))
        operator.inputs = np.asarray(inputs, np.int32)
        operator.outputs = np.asarray(outputs, np.int32)
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self._operators.append(operator)

    def written_by(self, index: int) -> int | None:
        """Return the code of the operator that writes a tensor; None where none does."""
        for operator in reversed(self._operators):
            if index in operator.outputs:
                return self._store.code_at(operator.opcodeIndex)
        return None

    def subgraph(
        self, inputs: Mapping[str, int], outputs: Mapping[str, int], name: str = "main"
    ) -> Any:
        """Return the subgraph as the schema has it, from these tensors to these."""
        subgraph = schema.SubGraphT()
        subgraph.name = name
        subgraph.tensors, subgraph.operators = self._tensors, self._operators
        subgraph.inputs = np.asarray(list(inputs.values()), np.int32)
        subgraph.outputs = np.asarray(list(outputs.values()), np.int32)
        return subgraph


@dataclass(frozen=True)
class Part:
    """A whole subgraph: what wrote it, and its signature.

    Attributes:
        writer: holds its tensors and operators.
        inputs: names of the signature to tensors.
        outputs: likewise.
    """

    writer: FileWriter
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


def pack(
    store: FileStore, parts: Mapping[str, Part], description: str, metadata: Mapping[str, bytes]
) -> bytes:
    """Return the bytes of a file with one subgraph and one signature for each part.

    Args:
        store: that all parts were written with.
        parts: by the name of their signature; the first is what an interpreter opens.
        description: of the file.
        metadata: by name.
    """
    model = schema.ModelT()
    model.version, model.description = SCHEMA_VERSION, description
    model.operatorCodes = store.codes
    model.subgraphs = [
        part.writer.subgraph(part.inputs, part.outputs, "main" if name == SIGNATURE else name)
        for name, part in parts.items()
    ]
    model.metadata = [_metadata(store, *pair) for pair in metadata.items()]
    model.buffers = store.buffers
    model.signatureDefs = [
        _signature(index, name, part) for index, (name, part) in enumerate(parts.items())
    ]
    builder = flatbuffers.Builder(sum(len(b.data or b"") for b in store.buffers) + 4096)
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _metadata(store: FileStore, name: str, data: bytes) -> Any:
    entry = schema.MetadataT()
    entry.name, entry.buffer = name, store.buffer(data)
    return entry


def _operator_code(code: int, number: int) -> Any:
    entry = schema.OperatorCodeT()
    entry.builtinCode, entry.version = code, number
    entry.deprecatedBuiltinCode = min(code, LAST_OLD_CODE)
    return entry


def _signature(index: int, name: str, part: Part) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = name, index
    signature.inputs = [_tensor_map(*pair) for pair in part.inputs.items()]
    signature.outputs = [_tensor_map(*pair) for pair in part.outputs.items()]
    return signature


def _tensor_map(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
