"""Int8 convolutions of ncnn: eligible layers, scales, and integers passed between layers.

ncnn multiplies int8 in `Convolution`, in depthwise `ConvolutionDepthWise`, and in `InnerProduct`,
which stays float here. Its scales are factors from real to integer, one for the input and one per
output channel; there are no zero points. All other layers compute in float, so a convolution
quantizes its input itself, unless the convolution before it returns integers
(github.com/Tencent/ncnn, docs/how-to-use-and-FAQ/quantized-int8-inference.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError
from edge_imgq.export.ncnn.layers import Layer, Weight
from edge_imgq.graph.network import Network, Operation, Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCALES = 8
"""Key of the parameter that says which scales a layer reads."""

OF_GROUPS, OF_CHANNELS, OF_RESULT = 1, 2, 100
"""Values of that parameter: a scale per group or per channel; plus 100 with a result scale."""

INT8_CONVOLUTIONS = ("Convolution", "ConvolutionDepthWise")
"""Layers that can read and return integers."""


@dataclass(frozen=True)
class Integers:
    """Int8 weights of a convolution.

    Attributes:
        weights: (outputs, inputs per group, *kernel).
        scales: per output channel; real = integer × scale.
        image_scale: scale of the input.
    """

    weights: NDArray[np.int8]
    scales: NDArray[np.float32]
    image_scale: float

    @property
    def factors(self) -> tuple[Weight, Weight]:
        """Weight scales (C_out,) and input scale (1,) as ncnn reads them: float32 reciprocals."""
        image = np.array([1 / self.image_scale], np.float32)
        return Weight((1 / self.scales).astype(np.float32)), Weight(image)


def integers_of(operation: Operation) -> Integers | None:
    """Return the int8 weights of a Conv that ncnn computes in integers, or None.

    Its weights must be int8 and its input quantized with zero point 0, which excludes the image;
    the group count must be 1 or the number of output channels.
    """
    image, weight = operation.operand(0).quantization, operation.operand(1)
    stored, group = weight.quantization, operation.attributes.get("group", 1)
    if image is None or stored is None or stored.dtype != "int8" or weight.data is None:
        return None
    if int(image.zero_point[0]) or group not in (1, weight.shape[0]):
        return None
    scales = np.broadcast_to(stored.scale, weight.shape[:1]).astype(np.float32)
    return Integers(np.asarray(weight.data, np.int8), scales, float(image.scale[0]))


def without_integers_between(network: Network) -> Network:
    """Convert a quantized network to float except for the weights of convolutions.

    Other constants are dequantized. A Round that the quantizer added to normalisation statistics
    becomes Identity: ncnn has no Round. A float network is returned unchanged.
    """
    if not network.is_quantized:
        return network
    operations = (replace(op, inputs=_real(op)) for op in network.operations)
    return replace(
        network,
        operations=tuple(
            replace(op, kind="Identity") if op.kind == "Round" else op for op in operations
        ),
    )


def _real(operation: Operation) -> tuple[Tensor | None, ...]:
    kept = {1} if operation.kind == "Conv" else set[int]()
    return tuple(
        tensor
        if tensor is None or tensor.data is None or index in kept
        else replace(tensor, data=numbers(tensor), quantization=None)
        for index, tensor in enumerate(operation.inputs)
    )


def numbers(tensor: Tensor) -> Any:
    """Return the values of a constant, in its own shape; integers are dequantized to float32.

    scale · (integer − zero point), per tensor or along the quantization's axis, is computed in
    float64.
    """
    data, stored = np.asarray(tensor.data), tensor.quantization
    if stored is None:
        return data
    shape = [1] * data.ndim
    if stored.axis is not None:
        shape[stored.axis] = -1
    scale, zero = (np.asarray(a, np.float64) for a in (stored.scale, stored.zero_point))
    if data.ndim == 0:
        return np.float32((float(data) - zero[0]) * scale[0])
    return ((data - zero.reshape(shape)) * scale.reshape(shape)).astype(np.float32)


def with_requantization(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Make each int8 convolution return int8 instead of float if an int8 convolution reads it.

    ncnn then rounds the result to multiples of the reader's input scale, as the reader would do
    with a float input; that scale is appended to the layer's weights, and SCALES says so. Other
    layers are returned unchanged. Call it after `with_splits`, which gives each blob a single
    reader.
    """
    readers = {blob: layer for layer in layers for blob in layer.inputs}
    return tuple(_requantizing(layer, readers.get(layer.outputs[0])) for layer in layers)


def _requantizing(layer: Layer, reader: Layer | None) -> Layer:
    """Add its reader's input scale to an int8 layer, so that it returns integers."""
    if reader is None or not (_reads_integers(layer) and _reads_integers(reader)):
        return layer
    term = int(layer.parameters[SCALES]) + OF_RESULT  # type: ignore[arg-type]
    weights = (*layer.weights, reader.weights[-1])
    return replace(layer, parameters={**layer.parameters, SCALES: term}, weights=weights)


def refuse_without_integers(layers: Sequence[Layer], note: FileNote) -> None:
    """Refuse a quantized network without any int8 convolution in ncnn.

    Raises:
        ModelError: explains the scales that ncnn requires.
    """
    if not any(map(_reads_integers, layers)):
        raise ModelError(
            f"No convolution of '{note.model}' would multiply integers in {note.target}: ncnn "
            "knows no zero points, and reads the image in float. Quantize with scales = "
            '"symmetric", as --scheme int8-symmetric does, or ship ncnn-fp16.'
        )


def _reads_integers(layer: Layer) -> bool:
    return layer.kind in INT8_CONVOLUTIONS and SCALES in layer.parameters
