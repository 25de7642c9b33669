"""Faults that a hand, a script or another converter puts into a TFLite file, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_imgq.runtime.tflite_file import FILE_IDENTIFIER, read_model


class Edited:
    """A TFLite file, opened through its schema; `write` puts it back."""

    def __init__(self, path: Path) -> None:
        self.model = read_model(path)
        self.path = path
        self.graph = self.model.subgraphs[0]
        self.convolutions = [op for op in self.graph.operators if self._kind(op) == "CONV_2D"]

    def _kind(self, operator: Any) -> str:
        code = self.model.operatorCodes[operator.opcodeIndex].builtinCode
        names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
        return names[code]

    def tensor(self, operator: Any, place: int) -> Any:
        return self.graph.tensors[int(operator.inputs[place])]

    def values(self, tensor: Any, dtype: Any) -> Any:
        """Return a constant's values, in its shape; give changed ones to `set_values`."""
        data = np.asarray(self.model.buffers[tensor.buffer].data, np.uint8)
        return data.view(dtype).reshape(tensor.shape).copy()

    def set_values(self, tensor: Any, values: Any) -> None:
        self.model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)

    def write(self) -> None:
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), file_identifier=FILE_IDENTIFIER)
        self.path.write_bytes(bytes(builder.Output()))


def weight_scale(file: Edited) -> None:
    """Every weight of the last convolution is 5 % larger, with the bias in its units."""
    for place in (1, 2):
        scales = file.tensor(file.convolutions[-1], place).quantization
        scales.scale = np.asarray(scales.scale, np.float32) * np.float32(1.05)


def one_bias(file: Edited) -> None:
    """One channel of the last convolution is some levels brighter."""
    tensor = file.tensor(file.convolutions[-1], 2)
    values = file.values(tensor, np.int32)
    scale = np.asarray(tensor.quantization.scale)[0]
    values[0] += round(3 / 255 / scale)
    file.set_values(tensor, values)


def swapped_channels(file: Edited) -> None:
    """What was red is blue after the last convolution."""
    for place, dtype in ((1, np.int8), (2, np.int32)):
        tensor = file.tensor(file.convolutions[-1], place)
        file.set_values(tensor, file.values(tensor, dtype)[::-1])
        scales = tensor.quantization
        scales.scale = np.asarray(scales.scale, np.float32)[::-1].copy()


def bgr(file: Edited) -> None:
    """The first convolution reads blue for red."""
    tensor = file.tensor(file.convolutions[0], 1)
    file.set_values(tensor, file.values(tensor, np.int8)[..., ::-1])


def layout(file: Edited) -> None:
    """The weights of the first convolution stand as NCHW where NHWC is read."""
    tensor = file.tensor(file.convolutions[0], 1)
    values = file.values(tensor, np.int8)
    file.set_values(tensor, np.ascontiguousarray(values.transpose(0, 3, 1, 2)))


def zero_point(file: Edited) -> None:
    """The image is read a level too dark. Between two operators of a file, both move alike."""
    points = file.graph.tensors[int(file.graph.inputs[0])].quantization
    points.zeroPoint = np.asarray(points.zeroPoint, np.int64) + 1


def one_byte(file: Edited) -> None:
    """The lowest bit of one weight is another."""
    tensor = file.tensor(file.convolutions[0], 1)
    values = file.values(tensor, np.int8)
    values.reshape(-1)[0] ^= 1
    file.set_values(tensor, values)


def not_a_number(file: Edited) -> None:
    """One weight of a float file is none."""
    tensor = file.tensor(file.convolutions[-1], 1)
    values = file.values(tensor, np.float32)
    values.reshape(-1)[0] = np.nan
    file.set_values(tensor, values)


FAULTS: dict[str, Callable[[Edited], None]] = {
    "weight scale": weight_scale,
    "one bias": one_bias,
    "swapped channels": swapped_channels,
    "bgr": bgr,
    "layout": layout,
    "zero point": zero_point,
    "one byte": one_byte,
}
"""Of int8 files."""
