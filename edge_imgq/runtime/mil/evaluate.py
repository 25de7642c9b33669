"""Executes an ML program in the dtypes that the file states.

Every operator computes in float32, and its result is then rounded to the dtype that the program
declares for it: float16 to nearest even; integers arrive rounded and saturated by `quantize`. This
is the least precision in which a device may keep results: "The runtime respects the explicit types
as the minimum precision, and will not reduce the precision" (Guide to Core ML Tools, Typed
Execution, apple.github.io/coremltools/docs-guides/source/typed-execution.html).

Devices may be more precise. A float16 program may run in float32, and `dequantize`, a convolution
and `quantize` may be fused into one integer operator: the guide says that newer Neural Engines have
int8-int8 compute (Linear Quantization, Performance). Neither the guide nor coremltools' sources,
where searched, say how that accumulates, where it rounds, or which way it rounds a half. The two
extremes are `Evaluator(program)` and `Evaluator(program, rounding=False)`, which rounds nothing
between `dequantize` and `quantize`; a device that keeps to the types lies between them.
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
    """Runs one program on images of any size that its operators allow.

    Args:
        program: the program.
        rounding: round values that the program declares as float16 to float16. If False they stay
            float32, as on a more precise device or with fused operators, which tells an error of
            the program from its rounding. Constants are float16 in both cases.

    Raises:
        ModelError: the program uses operators that the evaluator does not know; all are named.
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
        self.only_selected: frozenset[str] = frozenset()
        for statement in program.statements:
            if statement.kind.startswith("constexpr_"):
                self.constants.update(self.execute(statement, self.constants))
            else:
                self.statements.append(statement)
        self.last_reads = _last_reads(self.statements, program.outputs)
        self.only_selected = _only_selected(self.statements, program.outputs)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the outputs by name, in their declared dtypes; float16 is float32 if not rounding.

        Args:
            inputs: arrays by input name, (N, C, H, W), in the units that the program takes: 0 … 255
                for images; converted to the declared dtype.

        Raises:
            NonFiniteOutputError: an intermediate value is infinite or NaN in its declared dtype.
            RuntimeError, IndexError, ValueError: an operator does not take shapes that follow from
                the inputs'.
        """
        tensors = {
            name: torch.from_numpy(np.ascontiguousarray(array)).to(
                self.types[self.declared[name].dtype]
            )
            for name, array in inputs.items()
        }
        return {name: value.numpy() for name, value in self._walk(tensors).items()}

    def shapes(self, inputs: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]] | None:
        """Return the output shapes by name for given input shapes; None if the program fails.

        The program is run on a gray image, all values 127; an overflow counts as a failure.

        Args:
            inputs: shape by input name, (N, C, H, W).
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
                for name in self.last_reads[index]:
                    del values[name]
        return {name: values[name] for name in self.program.outputs}

    def execute(self, statement: Statement, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Execute one statement and return its results by name, in their declared dtypes.

        Args:
            statement: one operation of the program.
            values: constants and earlier results, by name.

        Raises:
            NonFiniteOutputError: a result is infinite or NaN, and reaches an output other than
                through operands that `select` may discard.
            RuntimeError, IndexError, ValueError: the operator does not take its operands' shapes.
        """
        arguments = Arguments(statement, self.program.constants, values, self.declared)
        result = OPERATORS[statement.kind](arguments)
        results = (result,) if isinstance(result, Tensor) else tuple(result)
        typed = {
            declared.name: value.to(self.types[declared.dtype])
            for declared, value in zip(statement.outputs, results, strict=True)
        }
        for name, value in typed.items():
            if name not in self.only_selected:
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
    # One pass suffices, since aminmax propagates NaN.
    if value.is_floating_point() and value.numel():
        if all(torch.isfinite(end) for end in value.aminmax()):
            return
        raise NonFiniteOutputError(
            f"'{statement.name}' ({statement.kind}) gives values that are infinite or not numbers: "
            "they do not fit in float16. Scale the model's values down, or use another target."
        )


def _only_selected(statements: Sequence[Statement], outputs: Sequence[str]) -> frozenset[str]:
    """Return the values that reach the outputs through `select` alone.

    They may be NaN or infinite where they are not selected, such as powers of negative numbers.
    """
    read: dict[str, list[Statement]] = {}
    for statement in statements:
        for name in {name for names in statement.inputs.values() for name in names}:
            read.setdefault(name, []).append(statement)
    selected: set[str] = set()
    for statement in reversed(statements):
        for output in statement.outputs:
            if output.name not in outputs and all(
                reader.kind == "select" or all(o.name in selected for o in reader.outputs)
                for reader in read.get(output.name, [])
            ):
                selected.add(output.name)
    return frozenset(selected)


def _last_reads(statements: Sequence[Statement], outputs: Sequence[str]) -> list[list[str]]:
    """Return, for every statement, the values that no later statement reads."""
    defined = {output.name for statement in statements for output in statement.outputs}
    read_later = set(outputs)
    last_reads: list[list[str]] = []
    for statement in reversed(statements):
        used = {name for names in statement.inputs.values() for name in names}
        used |= {output.name for output in statement.outputs}
        last_reads.append(sorted((used & defined) - read_later))
        read_later |= used
    return last_reads[::-1]
