"""Construction of a network's Core AI program by translation of its ML Program.

Both programs have the same operators on the same float16 values in the same units, so the rules
that keep float16 close to the integer graph are implemented once (module
`edge_imgq.export.coreml.integer_units`). Inputs and outputs are float32 tensors instead of images:
integer levels 0 to 255, (1, C, H, W).
"""

from __future__ import annotations

import importlib
import inspect
from typing import Annotated, Any

from edge_imgq.contract import ImageContract
from edge_imgq.export.coreai.arguments import Arguments, ai, element_type
from edge_imgq.export.coreai.lowerings import LOWERINGS
from edge_imgq.export.coreml import program as coreml
from edge_imgq.graph.network import Network
from edge_imgq.runtime.coreai_constants import name_by_contents
from edge_imgq.runtime.coreai_file import MAIN


def build(network: Network, contract: ImageContract) -> Any:
    """Build the Core AI program of a network that Core ML's `check` accepts.

    Inputs and outputs are float32 (1, C, H, W), images in levels 0 to 255; between them it computes
    in float16, as a Core ML package does.

    Returns:
        Core AI's `AIProgram`, whose one graph is `main`.

    Raises:
        ModelError: a value exceeds float16, or an activation is not int8 with one scale.
    """
    return translated(coreml.build(network, contract).functions[MAIN])


def translated(function: Any) -> Any:
    """Translate a coremltools function, operation by operation, to a Core AI program.

    Names, shapes and element types of inputs and outputs are kept. Constants are added where an
    operation reads them.

    Returns:
        Core AI's `AIProgram`, whose one graph is `main`.

    Raises:
        KeyError: an operation has no lowering.
    """

    def main(*inputs: Any) -> Any:
        return _lowered(function, dict(zip(function.inputs, inputs, strict=True)))

    results = tuple(_annotated(variable) for variable in function.outputs)
    hints = {name: _annotated(variable) for name, variable in function.inputs.items()}
    # Core AI's decorator reads the types of a graph off a Python function's annotations.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    main.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in hints]
    )
    returned = results[0] if len(results) == 1 else tuple[results]  # type: ignore[valid-type]
    main.__annotations__ = {**hints, "return": returned}
    with ai.Context()._mlir_context, _nowhere().activate():
        module = ai.Module.create()
    with module, _nowhere().activate():
        ai.graph(main, provided_name=MAIN)
    program = ai.AIProgram(module)
    name_by_contents(program)
    return program


def _lowered(function: Any, values: dict[str, Any]) -> Any:
    """Lower every operation inside the open function, and return its results."""
    for operation in function.operations:
        if operation.op_type == "const":
            continue
        built = LOWERINGS[operation.op_type](Arguments(operation, values))
        results = built if isinstance(built, list) else [built]
        for variable, value in zip(operation.outputs, results, strict=True):
            values[variable.name] = value
    results = [values[variable.name] for variable in function.outputs]
    return results[0] if len(results) == 1 else tuple(results)


def _annotated(variable: Any) -> Any:
    kind = ai.TensorType(tuple(variable.shape), element_type(variable).type, name=variable.name)
    return Annotated[ai.Value, kind]


def _nowhere() -> Any:
    """Return a neutral source location; otherwise Core AI would store local paths in the file."""
    debuginfo = importlib.import_module("coreai.authoring.debuginfo")
    nowhere = debuginfo.DebugInfo.file("edge-imgq", 0)
    return nowhere.with_scope(debuginfo.CompileUnitScope(file=debuginfo.FileInfo("edge-imgq")))
