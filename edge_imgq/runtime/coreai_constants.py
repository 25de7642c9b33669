"""Constants of a Core AI program: reading, and reproducible naming.

Core AI stores small constants in the program and large ones as named resources after it. Its
Python package reads the small ones only; the large ones are parsed from its printed text.
"""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = {"f16": "float16", "f32": "float32", "si8": "int8", "ui8": "uint8", "i1": "bool",
         "si32": "int32", "ui32": "uint32"}  # fmt: skip
"""NumPy element types by Core AI name."""

CONSTANT = "coreai.constant"

PRINTED = re.compile(r'(\w+): "0x([0-9A-F]+)"')
NAMED = re.compile(r"dense_resource<(\w+)>")
HEADER = 4
"""Bytes before the data of a large constant: its alignment."""


class Constants:
    """The constants of a program, which must outlive the operations read from it."""

    def __init__(self, program: Any) -> None:
        pairs = PRINTED.findall(str(program))
        self._stored = {name: bytes.fromhex(digits)[HEADER:] for name, digits in pairs}

    def numbers(self, operation: Any) -> NDArray[Any]:
        """Return the contents of a `coreai.constant` operation, in its shape and element type.

        The array may be read-only. Large constants must be of float16, float32, bool, or 8 or
        32-bit integers; others raise KeyError.
        """
        value, kind = operation.attributes["value"], operation.results[0].type
        match = NAMED.match(str(value))
        if match is None:
            return np.array(importlib.import_module("coreai._compiler.ir").DenseElementsAttr(value))
        dtype = TYPES[str(kind.element_type)]
        return np.frombuffer(self._stored[match[1]], dtype).reshape(kind.shape)


def operations(program: Any) -> Iterator[Any]:
    """Yield the operations of a Core AI program's function `main` in execution order.

    They are objects of Core AI's compiler, valid as long as `program` exists.
    """
    (block,) = program._get_graph("main").regions[0].blocks
    yield from block.operations


def name_by_contents(program: Any) -> None:
    """Rename the large constants of a Core AI program after a hash of their contents, in place.

    Core AI names them by a number that differs between processes, so files of one model would
    differ. The new name is "constant_" and 16 hexadecimal digits of the SHA-256 of the bytes.
    Values and small constants, which have no name, stay the same.
    """
    ir, constants = importlib.import_module("coreai._compiler.ir"), Constants(program)
    for operation in operations(program):
        if operation.name == CONSTANT and NAMED.match(str(operation.attributes["value"])):
            numbers = np.array(constants.numbers(operation))
            name = f"constant_{hashlib.sha256(numbers.tobytes()).hexdigest()[:16]}"
            kind = operation.results[0].type
            with kind.context:
                stored = ir.DenseResourceElementsAttr.get_from_buffer(numbers, name, kind)
            operation.attributes["value"] = stored
