"""The program inside a package as plain values: constants, statements and declared types."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from edge_imgq.errors import ModelError
from edge_imgq.runtime.mil.package import Package
from edge_imgq.runtime.mil.silence import coremltools

if TYPE_CHECKING:
    from numpy.typing import NDArray

Constant: TypeAlias = "NDArray[Any] | str"

DTYPES: dict[str, Any] = {
    "BOOL": np.bool_,
    "FLOAT16": np.float16,
    "FLOAT32": np.float32,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
}
"""NumPy dtypes by MIL's element types, as the protobuf schema names them."""

BLOB_SENTINEL = 0xDEADBEEF
BLOB_ENTRY = struct.Struct("<IIQQ")
"""Header of an array in a weight file: sentinel, element type, bytes of data, offset of data."""


@dataclass(frozen=True)
class NamedValueType:
    """A value's name, shape and dtype as the program declares them.

    Attributes:
        name: unique in the program.
        shape: at the file's own image size; 0 for an open dimension.
        dtype: MIL element type in lower case, such as "float16".
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Statement:
    """One operation of a program.

    Attributes:
        kind: the MIL operator, such as "conv".
        name: name of the operation.
        inputs: names of the operands of each parameter; several for variadic ones.
        outputs: the results.
    """

    kind: str
    name: str
    inputs: Mapping[str, tuple[str, ...]]
    outputs: tuple[NamedValueType, ...]


@dataclass(frozen=True)
class Program:
    """The `main` function of a package.

    Attributes:
        inputs: declared inputs.
        outputs: names of the returned values.
        constants: contents of every `const` operation and literal argument, by value name.
        statements: all other operations, in execution order.
    """

    inputs: tuple[NamedValueType, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Constant]
    statements: tuple[Statement, ...]

    @property
    def declared(self) -> dict[str, NamedValueType]:
        """Shape and dtype that the program declares for every input and result, by name.

        Constants are not among them.
        """
        values = {value.name: value for value in self.inputs}
        for statement in self.statements:
            values.update((value.name, value) for value in statement.outputs)
        return values


def read_program(package: Package) -> Program:
    """Parse function `main` of a package, with the constants of its weight files as NumPy arrays.

    Raises:
        ModelError: there is no function `main`, or weights are missing.
        KeyError: an array has an element type other than those of DTYPES.
    """
    return _Reader(package).read()


class _Reader:
    """Collects constants and statements in one pass over a program."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.constants: dict[str, Constant] = {}
        self.statements: list[Statement] = []

    def read(self) -> Program:
        functions = self.package.model.mlProgram.functions
        if "main" not in functions:
            raise ModelError(f"{self.package.path} has no function 'main'.")
        function = functions["main"]
        block = function.block_specializations[function.opset]
        for operation in block.operations:
            self._operation(operation)
        inputs = tuple(_declared(value) for value in function.inputs)
        return Program(inputs, tuple(block.outputs), self.constants, tuple(self.statements))

    def _operation(self, operation: Any) -> None:
        if operation.type == "const":
            name = operation.outputs[0].name
            self.constants[name] = self._value(operation.attributes["val"])
            return
        label = operation.attributes["name"].immediateValue.tensor.strings.values
        name = label[0] if label else operation.outputs[0].name
        inputs = {
            key: tuple(self._bound(f"{name}.{key}.{i}", item) for i, item in enumerate(given))
            for key, given in ((key, item.arguments) for key, item in operation.inputs.items())
        }
        # Before iOS 18, compile-time operators had their operands as attributes.
        for key, value in operation.attributes.items():
            if key != "name":
                inputs[key] = (self._literal(f"{name}.{key}", value),)
        outputs = tuple(_declared(value) for value in operation.outputs)
        self.statements.append(Statement(operation.type, name, inputs, outputs))

    def _bound(self, label: str, binding: Any) -> str:
        if binding.WhichOneof("binding") == "name":
            return str(binding.name)
        return self._literal(label, binding.value)

    def _literal(self, label: str, value: Any) -> str:
        self.constants[label] = self._value(value)
        return label

    def _value(self, value: Any) -> Constant:
        if value.WhichOneof("value") == "blobFileValue":
            return self._blob(value)
        tensor = value.immediateValue.tensor
        field = tensor.WhichOneof("value")
        if field == "strings":
            return str(tensor.strings.values[0])
        dtype, shape = _tensor_type(value.type)
        contents: Any = getattr(tensor, field).values if field else ()
        if field == "bytes":
            return np.frombuffer(contents, DTYPES[dtype]).reshape(shape)
        return np.array(list(contents), DTYPES[dtype]).reshape(shape)

    def _blob(self, value: Any) -> NDArray[Any]:
        """Read an array from a weight file, in the format of coremltools' `StorageFormat.hpp`.

        Raises:
            ModelError: the file does not hold the array.
        """
        dtype, shape = _tensor_type(value.type)
        file, entry = value.blobFileValue.fileName, value.blobFileValue.offset
        data = self.package.weights.get(file, b"")
        size = int(np.prod(shape)) * np.dtype(DTYPES[dtype]).itemsize
        if len(data) >= entry + BLOB_ENTRY.size:
            sentinel, _, stored, offset = BLOB_ENTRY.unpack_from(data, entry)
            if sentinel == BLOB_SENTINEL and stored >= size and len(data) >= offset + size:
                return np.frombuffer(data[offset : offset + size], DTYPES[dtype]).reshape(shape)
        raise ModelError(
            f"{self.package.path} is not whole: {file} does not hold the {size} bytes "
            f"that the program expects at {entry}. Export it again."
        )


def _declared(value: Any) -> NamedValueType:
    dtype, shape = _tensor_type(value.type)
    return NamedValueType(value.name, shape, dtype.lower())


def _tensor_type(value_type: Any) -> tuple[str, tuple[int, ...]]:
    """Return dtype and shape; an open dimension is 0."""
    tensor = value_type.tensorType
    shape = tuple(int(dimension.constant.size) for dimension in tensor.dimensions)
    return coremltools().proto.MIL_pb2.DataType.Name(tensor.dataType), shape
