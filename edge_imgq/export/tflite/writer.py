"""Collects tensors and operators and writes them as one .tflite flatbuffer.

This file knows TFLite's terms only: it neither knows ONNX nor layouts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

TYPES: Mapping[str, int] = {
    "float32": schema.TensorType.FLOAT32,
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


class FileWriter:
    """A TFLite model in the making: one subgraph, tensors and operators in the order added."""

    def __init__(self) -> None:
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._buffers: list[Any] = [AlignedBuffer()]
        self._buffer_of: dict[bytes, int] = {}
        self._codes: dict[tuple[int, int], int] = {}

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
        tensor.buffer = 0 if data is None else self._buffer(data.astype(dtype).tobytes())
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
        operator.opcodeIndex = self._code(code, version(code, use))
        operator.inputs = np.asarray(inputs, np.int32)
        operator.outputs = np.asarray(outputs, np.int32)
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self._operators.append(operator)

    def finish(
        self,
        inputs: Mapping[str, int],
        outputs: Mapping[str, int],
        description: str,
        metadata: Mapping[str, bytes],
    ) -> bytes:
        """Return the file's bytes; `inputs` and `outputs` map signature names to tensors."""
        model = schema.ModelT()
        model.version, model.description = SCHEMA_VERSION, description
        model.operatorCodes = [_operator_code(*pair) for pair in self._codes]
        model.subgraphs = [self._subgraph(inputs, outputs)]
        model.metadata = [self._metadata(*pair) for pair in metadata.items()]
        model.buffers = self._buffers
        model.signatureDefs = [_signature(inputs, outputs)]
        builder = flatbuffers.Builder(sum(len(b.data or b"") for b in self._buffers) + 4096)
        builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
        return bytes(builder.Output())

    def _subgraph(self, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> Any:
        subgraph = schema.SubGraphT()
        subgraph.name = "main"
        subgraph.tensors, subgraph.operators = self._tensors, self._operators
        subgraph.inputs = np.asarray(list(inputs.values()), np.int32)
        subgraph.outputs = np.asarray(list(outputs.values()), np.int32)
        return subgraph

    def _buffer(self, data: bytes) -> int:
        if data not in self._buffer_of:
            buffer = AlignedBuffer()
            buffer.data = data
            self._buffer_of[data] = len(self._buffers)
            self._buffers.append(buffer)
        return self._buffer_of[data]

    def _code(self, code: int, number: int) -> int:
        return self._codes.setdefault((code, number), len(self._codes))

    def _metadata(self, name: str, data: bytes) -> Any:
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, self._buffer(data)
        return entry


def _operator_code(code: int, number: int) -> Any:
    entry = schema.OperatorCodeT()
    entry.builtinCode, entry.version = code, number
    entry.deprecatedBuiltinCode = min(code, LAST_OLD_CODE)
    return entry


def _signature(inputs: Mapping[str, int], outputs: Mapping[str, int]) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = [_tensor_map(*pair) for pair in inputs.items()]
    signature.outputs = [_tensor_map(*pair) for pair in outputs.items()]
    return signature


def _tensor_map(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
