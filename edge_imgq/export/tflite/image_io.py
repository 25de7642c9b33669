"""The images at both ends of a file: float as they are, int8 as uint8 pixels.

Int8 with zero point z and uint8 with zero point z + 128 store the same value 128 apart, so the
QUANTIZE between them loses nothing. LiteRT's own kernel runs it, at 0.7 ns a value on x86. Through
float, XNNPACK would do it there in a tenth of that, to the same bits (4 % of the time of the
networks that ship; on Arm 0.6 % of the instructions); but then the file would hold float tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.emitter import parameters
from edge_imgq.export.tflite.layout import stored_shape
from edge_imgq.graph.network import Quantization

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Tensor

Code = schema.BuiltinOperator
OFFSET = 128
"""What uint8 adds to int8."""


def named(name: str, tensors: Sequence[Tensor], own: Sequence[str] = ()) -> dict[str, Tensor]:
    """Return tensors under their signature names: the first is `name`, others keep their `own`."""
    names = own or [tensor.name for tensor in tensors]
    return dict(zip((name, *names[1:]), tensors, strict=True))


def image_input(file: Emitter, tensor: Tensor) -> int:
    """Add the file's input for a network input and return it."""
    inner = file.tensor(tensor)
    if tensor.quantization is None or tensor.quantization.dtype != "int8":
        return inner
    pixels = _pixels(file, tensor, tensor.quantization)
    file.writer.add_operator(Code.QUANTIZE, [pixels], [inner], schema.QuantizeOptionsT())
    return pixels


def image_output(file: Emitter, tensor: Tensor) -> int:
    """Add the file's output for a network output and return it."""
    inner = file.tensor(tensor)
    if tensor.quantization is None or tensor.quantization.dtype != "int8":
        return inner
    pixels = _pixels(file, tensor, tensor.quantization)
    file.writer.add_operator(Code.QUANTIZE, [inner], [pixels], schema.QuantizeOptionsT())
    return pixels


def _pixels(file: Emitter, tensor: Tensor, quantization: Quantization) -> int:
    shifted = Quantization(
        quantization.scale, np.asarray(quantization.zero_point) + OFFSET, quantization.dtype
    )
    shape = stored_shape(tensor.shape)
    return file.writer.add_tensor(f"{tensor.name}/pixels", shape, "uint8", parameters(shifted))
