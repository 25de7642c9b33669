"""Construction of a network's ML Program with image inputs and outputs.

Core ML passes 8-bit levels 0 to 255 to the program as numbers and converts its result to an 8-bit
image. Apple documents neither whether that conversion rounds or truncates nor its behaviour beyond
0 to 255. The program therefore clips and rounds (half to even, as QuantizeLinear does) and returns
integers, which every conversion preserves.
"""

from __future__ import annotations

import importlib
import math
import re
from typing import Any

import numpy as np

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.export.coreml.activation import clipped
from edge_imgq.export.coreml.fp16_scaling import Fp16Scale, choose_fp16_scale
from edge_imgq.export.coreml.high_rank_transpose import split_high_rank_transposes
from edge_imgq.export.coreml.integer_units import LoweringContext, Values, covers, mb, scale_of
from edge_imgq.export.coreml.lowerings import LOWERINGS, refusal
from edge_imgq.export.coreml.mean_subtraction import gather_centring
from edge_imgq.export.coreml.norm_fp16_range import gather_deviations
from edge_imgq.export.coreml.rounded_statistics import gather_rounding
from edge_imgq.export.refusal import Refusal, as_error
from edge_imgq.graph.network import Network, Operation, Tensor
from edge_imgq.runtime.mil.silence import coremltools

IMAGE, RESULT = "image", "result"
"""Names of the two images in an app's code, equal in all packages.

They do not depend on the network's names, so an app can replace one file by another.
"""


def check(network: Network, contract: ImageContract) -> None:
    """Refuse a network that cannot become a package, before anything is written.

    Args:
        network: bound to a size.
        contract: states the channels of inputs and outputs, which must be (1, C, H, W).

    Raises:
        UnsupportedOperatorError: lists every operation that Core ML cannot express.
        ModelError: inputs or outputs contradict the contract.
    """
    refuse_unsupported(network)
    further = [port.channels for port in contract.further]
    for tensors, wanted, word in (
        (network.inputs, [contract.image_channels, *further], "takes"),
        (network.outputs, contract.results_channels, "returns"),
    ):
        shapes = [tensor.shape for tensor in tensors]
        if [shape[:2] for shape in shapes] != [(1, channels) for channels in wanted]:
            raise ModelError(
                f"The network {word} {shapes}; its contract says (1, C, height, width) of "
                f"{' and '.join(map(str, wanted))} channels."
            )


def refuse_unsupported(network: Network) -> None:
    """Refuse all operations that Core ML cannot express, in one error.

    Raises:
        UnsupportedOperatorError: lists each with its node and the reason.
    """
    refused = refusals(network)
    if refused:
        raise as_error("Core ML", network.name, refused)


def refusals(network: Network) -> tuple[Refusal, ...]:
    """Return the operators that Core ML cannot express, in network order, with reasons; or ()."""
    return tuple(
        Refusal(operation.kind, operation.name, f"{reason}.")
        for operation in split_high_rank_transposes(network).operations
        if (reason := refusal(operation)) is not None
    )


def build(network: Network, contract: ImageContract) -> Any:
    """Build the MIL program of a network that `check` has accepted.

    Inputs and outputs are float32 (1, C, H, W), images in levels 0 … 255; between them it computes
    in float16. The target is iOS 17 for a quantized network, else iOS 16.

    Returns:
        coremltools' `Program`, whose one function is `main`.

    Raises:
        ModelError: a value exceeds float16, or an activation is not int8 with one scale.
    """
    names = input_names(network)
    ct = coremltools()
    mil = importlib.import_module("coremltools.converters.mil.mil")
    target = ct.target.iOS17 if network.is_quantized else ct.target.iOS16
    inputs = {
        name: mb.TensorSpec(shape=tensor.shape)
        for name, tensor in zip(names, network.inputs, strict=True)
    }
    with mil.Function(inputs, opset_version=target) as function:
        values = Values()
        for name, tensor in zip(names, network.inputs, strict=True):
            numbers = mb.cast(x=function.inputs[name], dtype="fp16")
            is_image = name == IMAGE and takes_picture(contract)
            values.write(tensor, numbers, unit=contract.pixel_scale if is_image else 1.0)
        lower_operations(network, values)
        result = _image if returns_picture(contract) else _numbers
        first = result(values, network.outputs[0], contract)
        others = zip(output_names(contract)[1:], network.outputs[1:], strict=True)
        function.set_outputs([first, *(_named(values, name, tensor) for name, tensor in others)])
    name_variables(function, values, network)
    return program_of(function)


def program_of(function: Any) -> Any:
    """Return coremltools' `Program` whose one function, `main`, is given.

    coremltools' check for inconsistent variables runs on it once, before the first pass, not after
    each of coremltools' own passes; and its text, which coremltools logs for debugging six times a
    conversion, is short. Together they would take a fifth of a conversion's time.
    """
    mil = importlib.import_module("coremltools.converters.mil.mil")

    class CheckedOnce(mil.Program):  # type: ignore[misc, name-defined]
        is_checked = False

        def validate(self, check_essential_scope: bool | None = False) -> None:
            if not self.is_checked:
                super().validate(check_essential_scope)
                self.is_checked = True

        def __str__(self) -> str:
            return object.__repr__(self)

    program = CheckedOnce()
    program.add_function("main", function)
    return program


def takes_picture(contract: ImageContract) -> bool:
    """Return True if the image is an input of Core ML's image type, not a multi-array."""
    return contract.layout == "image"


def returns_picture(contract: ImageContract) -> bool:
    """Return True if the result is an output of Core ML's image type: one or three channels."""
    return contract.returns_image and contract.result_channels in (1, 3)


def input_names(network: Network) -> tuple[str, ...]:
    """Return the input names in an app's code: IMAGE, then the other inputs' identifiers."""
    return (IMAGE, *(identifier(tensor) for tensor in network.inputs[1:]))


def output_names(contract: ImageContract) -> tuple[str, ...]:
    """Return the output names in an app's code: RESULT, then the other outputs' identifiers."""
    return (RESULT, *(_as_name(port.name) for port in contract.others))


def identifier(tensor: Tensor) -> str:
    """Return a tensor's name as a MIL identifier: letters, digits and `_`.

    A `_` is put before a leading digit and before names that are empty, IMAGE or RESULT.
    """
    return _as_name(tensor.name)


def _as_name(text: str) -> str:
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"_{name}" if name[:1].isdigit() or name in ("", IMAGE, RESULT) else name


def gather(network: Network) -> Network:
    """Fuse formulas that overflow or round badly in float16, and split high-rank transpositions.

    It fuses subtractions of rounded means (`gather_centring`), inverse deviations
    (`gather_deviations`) and roundings to powers of two (`gather_rounding`), and splits
    transpositions of more than five axes in two. The result computes the same in real numbers.

    Raises:
        ModelError: an activation is not int8 with one scale.
    """
    gathered = gather_rounding(gather_deviations(gather_centring(network)))
    return split_high_rank_transposes(gathered)


def lower_operations(network: Network, values: Values) -> None:
    """Lower every operation inside the open function, from inputs already in `values`.

    Results are added to `values`: int8 variables for quantized tensors, float16 for others.

    Raises:
        ModelError: a value exceeds float16, or an activation is not int8 with one scale.
    """
    for operation in gather(network).operations:
        _lower(operation, values)


def _lower(operation: Operation, values: Values) -> None:
    """Lower one operation and store its outputs."""
    lowering = LOWERINGS[operation.kind]
    scale_invariant = lowering.scale_invariant and _in_integers(operation)
    scale = choose_fp16_scale(operation) if scale_invariant else Fp16Scale(1.0)
    built = lowering.build(LoweringContext(operation, values, scale.unit, scale.offset))
    results = built if isinstance(built, list | tuple) else (built,)
    for tensor, result in zip(operation.outputs, results, strict=True):
        activated = _activated(operation, tensor, result, scale.unit)
        values.write(tensor, activated, scale.unit, scale.offset)


def _in_integers(operation: Operation) -> bool:
    """Return True if an operation reads no float activation of a quantized network.

    Float activations hold no integers to keep exact, and their range in levels is unbounded.
    """
    computed = [t for t in operation.inputs if t is not None and t.data is None]
    return all(tensor.quantization is not None for tensor in computed)


def _activated(operation: Operation, tensor: Tensor, result: Any, unit: float) -> Any:
    """Apply the fused activation, unless saturation to int8 is equivalent."""
    bounds = operation.activation
    if bounds is None or covers(tensor, bounds.low, bounds.high):
        return result
    return clipped(result, bounds.low / unit, bounds.high / unit)


def name_variables(function: Any, values: Values, network: Network) -> None:
    """Name variables after their tensors, and all others by kind and index.

    The network's outputs keep their names, and all names are unique: a tensor may be called
    "add_2", or "a/b" beside "a_b". coremltools numbers names per process, which would make exports
    differ. The function is changed in place.
    """
    ends = {tensor.name for tensor in network.outputs}
    operations = gather(network).operations
    tensors = [tensor for operation in operations for tensor in operation.outputs]
    computed = {values.of(tensor): tensor for tensor in tensors if tensor.name not in ends}
    taken = {*function.inputs, *(variable.name for variable in function.outputs)}
    named = {variable: _free(identifier(tensor), taken) for variable, tensor in computed.items()}
    for index, operation in enumerate(function.operations):
        operation.name = _free(f"{operation.op_type}_{index}", taken)
        several = len(operation.outputs) > 1
        for number, variable in enumerate(operation.outputs):
            if variable in named:
                operation.name = variable.name = named[variable]
            elif variable not in function.outputs:
                own = f"{operation.name}_{number}"
                variable.name = _free(own, taken) if several else operation.name


def _free(name: str, taken: set[str]) -> str:
    """Reserve and return an unused name."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _image(values: Values, tensor: Tensor, contract: ImageContract) -> Any:
    """Return the network's output as integers 0 to 255 in float32."""
    levels = values.read(tensor, unit=contract.pixel_scale)
    in_levels = math.isclose(scale_of(tensor), contract.pixel_scale, rel_tol=1e-6)
    if not (in_levels and covers(tensor, 0.0, contract.peak)):
        levels = mb.round(x=mb.clip(x=levels, alpha=np.float16(0), beta=np.float16(255)))
    return mb.cast(x=levels, dtype="fp32", name=RESULT)


def _numbers(values: Values, tensor: Tensor, contract: ImageContract) -> Any:  # noqa: ARG001
    """Return the network's output as float32 in 0 to the peak, not clipped."""
    return _named(values, RESULT, tensor)


def _named(values: Values, name: str, tensor: Tensor) -> Any:
    """Return a tensor as a named float32 output."""
    return mb.cast(x=values.read(tensor, unit=1.0), dtype="fp32", name=name)
