"""Executing a program in the precision that the file states.

Every operator computes in float32 and its result is then rounded to the element type that the
program declares for it: float16 to nearest even, integers already rounded and saturated by
`quantize`. That is the least precision that a device may keep results in: "The runtime respects the
explicit types as the minimum precision, and will not reduce the precision" (Guide to Core ML Tools,
Typed Execution, apple.github.io/coremltools/docs-guides/source/typed-execution.html). A float16
program may run in float32, and `dequantize`, a convolution and `quantize` may be one operator of
integers: the guide says that there is int8-int8 compute on newer Neural Engines (Linear
Quantization, Performance). No word was found there, or where coremltools' sources were searched, on
how that accumulates, where it rounds, or which way a half goes. So there are two ends, and a device
lies between them if it keeps to the types: `Evaluator(program)`, and `Evaluator(program,
rounding=False)`, which rounds nothing between `dequantize` and `quantize`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from edge_imgq.errors import ModelError, NonFiniteOutputError
from edge_imgq.runtime.mil.arguments import Arguments
from edge_imgq.runtime.mil.operators import OPERATORS
from edge_imgq.runtime.mil.program import Program, Statement

if TYPE_CHECKING:
    from numpy.typing import NDArray

TORCH_TYPES = {
    "bool": torch.bool,
    "float16": torch.float16,
    "float32": torch.float32,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "uint8": torch.uint8,
    "uint16": torch.uint16,
    "uint32": torch.uint32,
}


class Evaluator:
    """One program, ready to run on images of any size that its operators allow.

    Args:
        program: what to run.
        rounding: whether a value that the program declares as float16 is rounded to it. Without,
            it stays float32: what the program computes on a wider machine, or where operators are
            fused, and what tells a wrong program from a coarse one. Constants are float16 in both.

    Raises:
        ModelError: the program holds operators that the evaluator does not know; all are named.
    """

    def __init__(self, program: Program, rounding: bool = True) -> None:
        _refuse_unknown(program.statements)
        self.program = program
        self.types = TORCH_TYPES if rounding else TORCH_TYPES | {"float16": torch.float32}
        self.declared = program.declared
        self.constants = {
            name: torch.from_numpy(np.array(value))
            for name, value in program.constants.items()
            if not isinstance(value, str)
        }
        self.statements: list[Statement] = []
        self.unchosen: frozenset[str] = frozenset()
        for statement in program.statements:
            if statement.kind.startswith("constexpr_"):
                self.constants.update(self.execute(statement, self.constants))
            else:
                self.statements.append(statement)
        self.retired = _retired(self.statements, program.outputs)
        self.unchosen = _only_chosen(self.statements, program.outputs)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the program's outputs by name, in their declared element types.

        Args:
            inputs: arrays by input name, (N, C, H, W), converted to the declared element type.

        Raises:
            NonFiniteOutputError: a value overflowed float16, or is not a number.
        """
        tensors = {
            name: torch.from_numpy(np.ascontiguousarray(array)).to(
                self.types[self.declared[name].dtype]
            )
            for name, array in inputs.items()
        }
        return {name: value.numpy() for name, value in self._walk(tensors).items()}

    def shapes(self, inputs: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]] | None:
        """Return the output shapes for given input shapes; None where an operator cannot run.

        The program is run: torch's tensors without values would do, but the first of them imports
        a compiler, which takes longer than most programs.
        """
        gray = {name: np.full(shape, 127.0, np.float32) for name, shape in inputs.items()}
        try:
            return {name: value.shape for name, value in self.run(gray).items()}
        except (RuntimeError, IndexError, ValueError, NonFiniteOutputError):
            return None

    def _walk(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        values = self.constants | inputs
        with torch.inference_mode():
            for index, statement in enumerate(self.statements):
                values.update(self.execute(statement, values))
                for name in self.retired[index]:
                    del values[name]
        return {name: values[name] for name in self.program.outputs}

    def execute(self, statement: Statement, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what a statement computes, by the names of its results.

        Args:
            statement: one operation of the program.
            values: what the statements before it computed, by name.
        """
        arguments = Arguments(statement, self.program.constants, values, self.declared)
        result = OPERATORS[statement.kind](arguments)
        results = (result,) if isinstance(result, Tensor) else tuple(result)
        typed = {
            declared.name: value.to(self.types[declared.dtype])
            for declared, value in zip(statement.outputs, results, strict=True)
        }
        for name, value in typed.items():
            if name not in self.unchosen:
                _refuse_non_finite(statement, value)
        return typed


def _refuse_unknown(statements: Sequence[Statement]) -> None:
    unknown = sorted({statement.kind for statement in statements} - OPERATORS.keys())
    if unknown:
        raise ModelError(
            f"The reference evaluator does not know {', '.join(unknown)}. "
            "Run the file on a Mac, where Core ML itself executes it."
        )


def _refuse_non_finite(statement: Statement, value: Tensor) -> None:
    # One pass: NaN comes out of aminmax as NaN.
    if value.is_floating_point() and value.numel():
        if all(torch.isfinite(end) for end in value.aminmax()):
            return
        raise NonFiniteOutputError(
            f"'{statement.name}' ({statement.kind}) gives values that are infinite or not numbers: "
            "they do not fit in float16. Scale the model's values down, or use another target."
        )


def _only_chosen(statements: Sequence[Statement], outputs: Sequence[str]) -> frozenset[str]:
    """Return the values that reach the outputs through `select` alone.

    They may be no numbers where they are not chosen, as a power of a negative number.
    """
    read: dict[str, list[Statement]] = {}
    for statement in statements:
        for name in {name for names in statement.inputs.values() for name in names}:
            read.setdefault(name, []).append(statement)
    chosen: set[str] = set()
    for statement in reversed(statements):
        for output in statement.outputs:
            if output.name not in outputs and all(
                reader.kind == "select" or all(o.name in chosen for o in reader.outputs)
                for reader in read.get(output.name, [])
            ):
                chosen.add(output.name)
    return frozenset(chosen)


def _retired(statements: Sequence[Statement], outputs: Sequence[str]) -> list[list[str]]:
    """Return, for every statement, the values that nothing after it reads."""
    defined = {output.name for statement in statements for output in statement.outputs}
    seen = set(outputs)
    retired: list[list[str]] = []
    for statement in reversed(statements):
        used = {name for names in statement.inputs.values() for name in names}
        used |= {output.name for output in statement.outputs}
        retired.append(sorted((used & defined) - seen))
        seen |= used
    return retired[::-1]
