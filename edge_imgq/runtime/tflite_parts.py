"""Outputs of single operators of a .tflite file, and files of a range of its operators.

A file is copied with intermediate tensors as outputs, so that any runtime returns them. The copy
computes the same except where a runtime would fuse across a tensor that it must now keep.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_imgq.runtime.tflite_file import FILE_IDENTIFIER, read_model


@dataclass(frozen=True)
class Computed:
    """A float tensor that an operator computes from the input.

    Attributes:
        index: index of the tensor.
        name: name of the tensor.
        operator: TFLite's name of the operator.
        inputs: indices of the non-constant inputs, without duplicates.
        image: index of the file's input.
        of_floats: True if all inputs are float.
        bytes: size in bytes.
    """

    index: int
    name: str
    operator: str
    inputs: tuple[int, ...]
    image: int
    of_floats: bool
    bytes: int


def computed_tensors(path: Path) -> tuple[Computed, ...]:
    """List the float32 tensors of a file that depend on its first input, in execution order.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
    """
    import math

    from ai_edge_litert import schema_py_generated as schema

    kinds = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    model = read_model(path)
    graph = model.subgraphs[0]
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    image = int(graph.inputs[0])
    known = {image}

    def is_float(index: int) -> bool:
        return bool(graph.tensors[index].type == schema.TensorType.FLOAT32)

    tensors = []
    for operator in graph.operators:
        inputs = tuple(dict.fromkeys(int(n) for n in operator.inputs if int(n) in known))
        if not inputs:
            continue  # of constants alone, such as float16 weights
        kind, of_floats = kinds[codes[operator.opcodeIndex]], all(map(is_float, inputs))
        for index in map(int, operator.outputs):
            known.add(index)
            tensor = graph.tensors[index]
            if is_float(index) and tensor.shape is not None:
                name, size = _text(tensor.name), 4 * math.prod(map(int, tensor.shape))
                tensors.append(Computed(index, name, kind, inputs, image, of_floats, size))
    return tuple(tensors)


def write_submodel(
    path: Path, copy: Path, outputs: Iterable[int], inputs: Iterable[int] = ()
) -> None:
    """Write the operators between given tensors of a .tflite file as a separate file.

    Only operators that the outputs need are kept. Signatures are dropped. Tensors keep their
    indices, types and quantization. An existing copy is overwritten.

    Args:
        path: a file of one size.
        copy: path of the new file.
        outputs: tensor indices of its outputs, in order.
        inputs: tensor indices of its inputs; the file's inputs if empty.

    Raises:
        ModelError: the file is missing, damaged, or not TFLite.
        OSError: the copy cannot be written.
    """
    import flatbuffers

    model = read_model(path)
    graph = model.subgraphs[0]
    graph.outputs = list(outputs)
    graph.inputs = list(inputs) or graph.inputs
    given = {int(index) for index in graph.inputs}
    graph.operators = _needed(graph.operators, set(graph.outputs) - given, given)
    model.signatureDefs = []  # they name the file's own output
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    copy.write_bytes(bytes(builder.Output()))


def _needed(operators: Collection[Any], wanted: set[int], given: set[int]) -> list[Any]:
    """Return the operators between given and wanted tensors, in execution order."""
    kept = []
    for operator in reversed(list(operators)):
        if wanted & {int(index) for index in operator.outputs}:
            wanted |= {int(index) for index in operator.inputs} - given
            kept.append(operator)
    return kept[::-1]


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
