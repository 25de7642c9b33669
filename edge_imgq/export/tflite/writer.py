"""Writer of a .tflite flatbuffer from tensors and operators.

A file has one subgraph and one signature per image size. Subgraphs share constants and operator
codes, so a further size adds a few kilobytes. This module knows TFLite's schema only, neither ONNX
nor layouts.
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
"""Largest code of the schema's deprecated one-byte field, which holds 127 for all larger ones."""
SIGNATURE = "serving_default"
"""Signature name of a file with one size."""

TYPES: Mapping[str, int] = {
    "bool": schema.TensorType.BOOL,
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
}


class AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer aligned to 16 bytes, as the schema's `force_align` requires.

    The generated class aligns to 4 bytes, but kernels load weights with wider instructions.
    """

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802
        """Write the buffer's data, aligned to 16 bytes, and return its offset in the flatbuffer."""
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
    """Constants and operator codes shared by the subgraphs of a file."""

    def __init__(self) -> None:
        self.buffers: list[Any] = [AlignedBuffer()]
        self._buffer_of: dict[bytes, int] = {}
        self._codes: dict[tuple[int, int], int] = {}

    def buffer(self, data: bytes) -> int:
        """Return the index of a buffer with these bytes; equal contents share a buffer.

        Elements are little-endian. Index 0 is the empty buffer of tensors that are computed.
        """
        if data not in self._buffer_of:
            buffer = AlignedBuffer()
            buffer.data = data
            self._buffer_of[data] = len(self.buffers)
            self.buffers.append(buffer)
        return self._buffer_of[data]

    def code(self, code: int, number: int) -> int:
        """Return the index of an operator code and version, adding it on first use.

        Args:
            code: the schema's BuiltinOperator.
            number: version of the operator.
        """
        return self._codes.setdefault((code, number), len(self._codes))

    def code_at(self, index: int) -> int:
        """Return the operator code, a BuiltinOperator, at an index that `code` returned."""
        return list(self._codes)[index][0]

    @property
    def codes(self) -> list[Any]:
        """All operator codes as the schema's OperatorCodeT, in the order of their indices."""
        return [_operator_code(*pair) for pair in self._codes]


class FileWriter:
    """A subgraph being written: tensors and operators in the order they were added."""

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
        """Add a tensor to the subgraph and return its index.

        Args:
            name: displayed by tools; need not be unique.
            shape: in the file's layout.
            dtype: NumPy name of the element type, a key of TYPES.
            quantization: a QuantizationParametersT, or None.
            data: contents of a constant, converted to `dtype`; equal contents share a buffer. None
                for a computed tensor.

        Raises:
            KeyError: TYPES has no such type.
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
        """Add an operator at its lowest sufficient version; input index −1 means absent.

        `code` is the schema's BuiltinOperator, inputs and outputs are tensor indices, and `options`
        is the schema's table for the operator, such as AddOptionsT.
        """
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
        """Return the BuiltinOperator code of the operator, added last, that outputs a tensor.

        `index` is what `add_tensor` returned. None if no operator does so far, as for inputs and
        constants.
        """
        for operator in reversed(self._operators):
            if index in operator.outputs:
                return self._store.code_at(operator.opcodeIndex)
        return None

    def subgraph(
        self, inputs: Mapping[str, int], outputs: Mapping[str, int], name: str = "main"
    ) -> Any:
        """Build the schema's subgraph with the given inputs and outputs.

        They are tensor indices, in the order of the mappings; the names are for `pack`.
        """
        subgraph = schema.SubGraphT()
        subgraph.name = name
        subgraph.tensors, subgraph.operators = self._tensors, self._operators
        subgraph.inputs = np.asarray(list(inputs.values()), np.int32)
        subgraph.outputs = np.asarray(list(outputs.values()), np.int32)
        return subgraph


@dataclass(frozen=True)
class Subgraph:
    """A finished subgraph and its signature.

    Attributes:
        writer: tensors and operators.
        inputs: tensor index by signature name.
        outputs: tensor index by signature name.
    """

    writer: FileWriter
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


def pack(
    store: FileStore,
    subgraphs: Mapping[str, Subgraph],
    description: str,
    metadata: Mapping[str, bytes],
) -> bytes:
    """Serialize a file with one subgraph and one signature per entry of `subgraphs`.

    The metadata's contents are added to the buffers of `store`. A subgraph is named like its
    signature, or "main" for SIGNATURE.

    Args:
        store: the store that all subgraphs were written with; this is not checked.
        subgraphs: subgraphs by signature name; interpreters open the first by default.
        description: description of the file.
        metadata: contents by metadata name.

    Raises:
        flatbuffers.builder.BuilderSizeError: the file exceeds 2 GiB.
    """
    model = schema.ModelT()
    model.version, model.description = SCHEMA_VERSION, description
    model.operatorCodes = store.codes
    model.subgraphs = [
        subgraph.writer.subgraph(
            subgraph.inputs, subgraph.outputs, "main" if name == SIGNATURE else name
        )
        for name, subgraph in subgraphs.items()
    ]
    model.metadata = [_metadata(store, *pair) for pair in metadata.items()]
    model.buffers = store.buffers
    model.signatureDefs = [
        _signature(index, name, subgraph)
        for index, (name, subgraph) in enumerate(subgraphs.items())
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


def _signature(index: int, name: str, subgraph: Subgraph) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = name, index
    signature.inputs = [_tensor_map(*pair) for pair in subgraph.inputs.items()]
    signature.outputs = [_tensor_map(*pair) for pair in subgraph.outputs.items()]
    return signature


def _tensor_map(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
