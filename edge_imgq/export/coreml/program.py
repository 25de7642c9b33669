"""Building the ML Program of a network, with images at its edges.

Edges. Core ML hands the program 8-bit levels 0 to 255 as numbers and makes an 8-bit image of what
the program returns. Apple documents neither whether that last conversion rounds or truncates nor
what it does beyond 0 to 255, so the program itself clips and rounds (half to even, as
QuantizeLinear does) and returns whole numbers, which every conversion keeps.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError, UnsupportedOperatorError
from edge_imgq.export.coreml.activation import clipped
from edge_imgq.export.coreml.operators import FORMS
from edge_imgq.export.coreml.steps import Site, Values, covers, mb, step
from edge_imgq.graph.network import Network, Operation, Tensor
from edge_imgq.runtime.mil.silence import coremltools


def check(network: Network, contract: ImageContract) -> None:
    """Refuse what has no form in Core ML, all of it in one message.

    Raises:
        UnsupportedOperatorError: names every operation without a form.
        ModelError: the network does not take one image and return one.
    """
    refusals = [
        f"{operation.kind} '{operation.name}' ({reason})"
        for operation in network.operations
        if (reason := _refusal(operation)) is not None
    ]
    if refusals:
        raise UnsupportedOperatorError(
            f"Core ML has no form for {len(refusals)} operators: {'; '.join(refusals)}. "
            "Replace them in the model, or leave the coreml targets out."
        )
    for tensors, word in ((network.inputs, "takes"), (network.outputs, "returns")):
        shapes = [tensor.shape for tensor in tensors]
        if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][:2] != (1, contract.channels):
            raise ModelError(
                f"The network {word} {shapes}; a Core ML file here has one image "
                f"of shape (1, {contract.channels}, height, width) at each end."
            )


def _refusal(operation: Operation) -> str | None:
    form = FORMS.get(operation.kind)
    return "no such operator" if form is None else form.refuse(operation)


def build(network: Network, contract: ImageContract) -> Any:
    """Return the MIL program of a network that `check` has accepted."""
    image = network.inputs[0]
    name = feature_name(image)

    ct = coremltools()
    mil = importlib.import_module("coremltools.converters.mil.mil")
    target = ct.target.iOS17 if network.is_quantized else ct.target.iOS16
    inputs = {name: mb.TensorSpec(shape=image.shape)}
    with mil.Function(inputs, opset_version=target) as function:
        values = Values()
        levels = mb.cast(x=function.inputs[name], dtype="fp16")
        values.write(image, levels, unit=contract.pixel_scale)
        for operation in network.operations:
            _lower(operation, values)
        function.set_outputs([_image(values, network.outputs[0], contract)])
    program = mil.Program()
    program.add_function("main", function)
    return program


def feature_name(tensor: Tensor) -> str:
    """Return a tensor's name as Core ML and generated Swift take it: letters, digits, `_`."""
    name = re.sub(r"\W", "_", tensor.name, flags=re.ASCII)
    return f"_{name}" if name[:1].isdigit() or not name else name


def _lower(operation: Operation, values: Values) -> None:
    """Build one operation and store its outputs."""
    form = FORMS[operation.kind]
    unit = step(operation.outputs[0]) if form.in_steps else 1.0
    built = form.build(Site(operation, values, unit))
    results = built if isinstance(built, list | tuple) else (built,)
    for tensor, result in zip(operation.outputs, results, strict=True):
        values.write(tensor, _activated(operation, tensor, result, unit), unit)


def _activated(operation: Operation, tensor: Tensor, result: Any, unit: float) -> Any:
    """Apply the clipping fused into an operation, unless saturating int8 does the same."""
    bounds = operation.activation
    if bounds is None or covers(tensor, bounds.low, bounds.high):
        return result
    return clipped(result, bounds.low / unit, bounds.high / unit)


def _image(values: Values, tensor: Tensor, contract: ImageContract) -> Any:
    """Return the network's output as whole numbers 0 to 255 in float32."""
    levels = values.read(tensor, unit=contract.pixel_scale)
    whole = tensor.quantization is not None and step(tensor) == contract.pixel_scale
    if not (whole and covers(tensor, 0.0, contract.peak)):
        levels = mb.round(x=mb.clip(x=levels, alpha=np.float16(0), beta=np.float16(255)))
    return mb.cast(x=levels, dtype="fp32", name=feature_name(tensor))
