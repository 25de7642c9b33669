"""Image inputs and outputs of a file: float32 unchanged, int8 converted to or from uint8 pixels.

Int8 with zero point z and uint8 with zero point z + 128 represent the same value with codes 128
apart, so the QUANTIZE between them is exact. XNNPACK has no QUANTIZE from uint8 to int8 or back, so
both run outside its partition. LiteRT's builtin kernel takes 0.7 ns per value on x86.
A detour through float would let XNNPACK do it in a tenth of that, bit-exactly (4 % of the time of
the shipped networks; on Arm 0.6 % of the instructions), but the file would then hold float tensors.
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
"""Difference between the uint8 and the int8 code of a value."""


def named(name: str, tensors: Sequence[Tensor], own: Sequence[str] = ()) -> dict[str, Tensor]:
    """Map signature names to tensors: `name` for the first, the names in `own` for the others.

    `own` has one name per tensor, of which the first is ignored; if it is empty, tensors keep their
    names.
    """
    names = own or [tensor.name for tensor in tensors]
    return dict(zip((name, *names[1:]), tensors, strict=True))


def image_input(file: Emitter, tensor: Tensor) -> int:
    """Add the file's input for a network input and return its tensor index.

    The tensor is stored NHWC. An int8 input becomes uint8 with a QUANTIZE after it: the scale stays
    and the zero point is 128 higher, so values are equal. Inputs of other types are the file's as
    they are.
    """
    inner = file.tensor(tensor)
    if tensor.quantization is None or tensor.quantization.dtype != "int8":
        return inner
    pixels = _pixels(file, tensor, tensor.quantization)
    file.writer.add_operator(Code.QUANTIZE, [pixels], [inner], schema.QuantizeOptionsT())
    return pixels


def image_output(file: Emitter, tensor: Tensor) -> int:
    """Add the file's output for a network output and return its tensor index.

    The tensor is stored NHWC. An int8 output becomes uint8 through a QUANTIZE: the scale stays and
    the zero point is 128 higher, so values are equal. Outputs of other types are the file's as they
    are.
    """
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
