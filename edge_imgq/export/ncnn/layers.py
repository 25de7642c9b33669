"""ncnn layers and their serialization to .param and .bin files.

File structure: github.com/Tencent/ncnn, docs/developer-guide/param-and-model-file-structure.md.
Parameters of the layers: operators.md beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float32]

MAGIC = 7767517
"""First line of every .param file."""

FLOAT32, FLOAT16, INTEGERS = 0, 0x01306B47, 0x000D4B38
"""Type tags before weights: float32, float16 and int8."""

ARRAY = -23300
"""Key of an array parameter is this minus its number."""

FEATURES, IN_FLOAT = 31, 7
"""Feature mask parameter of a layer, and its value for no 16-bit arithmetic or storage.

See layer-feat-mask.md.
"""

SIDES = ((0,), (0, 1), (0, 1, 2), (0, 1, 11, 2))
"""Parameter keys of a shape, from the last axis on, by rank."""

Number: TypeAlias = int | float
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Weight:
    """An array of a layer in the .bin file.

    Attributes:
        values: float32 or int8, in the layer's axis order.
        is_tagged: True if a tag states the type, which allows float16; others are float32.
    """

    values: Array | NDArray[np.int8]
    is_tagged: bool = False

    def to_bytes(self, float16: bool) -> bytes:
        """Serialize, little-endian: a type tag of four bytes if tagged, then the elements.

        Elements are int8, or float32, or float16 if tagged and `float16`. The length is a multiple
        of four bytes.
        """
        if not self.is_tagged:
            return self.values.astype("<f4").tobytes()
        if self.values.dtype == np.int8:
            return INTEGERS.to_bytes(4, "little") + _padded(self.values.tobytes())
        if not float16:
            return FLOAT32.to_bytes(4, "little") + self.values.astype("<f4").tobytes()
        return FLOAT16.to_bytes(4, "little") + _padded(self.values.astype("<f2").tobytes())


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


@dataclass(frozen=True)
class Layer:
    """One line of a .param file.

    Attributes:
        kind: ncnn's layer type.
        name: unique among layers.
        inputs: names of the blobs read; each blob has one reader.
        outputs: names of the blobs written.
        shapes: shapes of the outputs at the exported size; not part of the line.
        parameters: values by key.
        weights: in the order in which ncnn reads them.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: tuple[Shape, ...]
    parameters: Mapping[int, Number | Sequence[Number]]
    weights: tuple[Weight, ...] = ()

    def line(self) -> str:
        """Format the layer as its line of a .param file; weights are not in it.

        Type, name, numbers of inputs and outputs, their blobs, then key=value in the order of the
        keys, where a sequence has the key −23300 − key and its length before its values. There is
        no line break.
        """
        ends = f"{len(self.inputs)} {len(self.outputs)}"
        words = [f"{self.kind:<24}", f"{self.name:<24}", ends, *self.inputs, *self.outputs]
        words += [_parameter(key, self.parameters[key]) for key in sorted(self.parameters)]
        return " ".join(words)


def stated(shape: Shape) -> dict[int, Number | Sequence[Number]]:
    """Return the layer parameters, by ncnn's key, that state a shape.

    The shape has one to four axes, the outermost first; the parameters are its w, h, d and c.
    """
    return dict(zip(SIDES[len(shape) - 1], shape[::-1], strict=True))


def _parameter(key: int, value: Number | Sequence[Number]) -> str:
    if isinstance(value, int | float):
        return f"{key}={_number(value)}"
    return f"{ARRAY - key}={len(value)}," + ",".join(map(_number, value))


def _number(value: Number) -> str:
    """Format a number; ncnn parses it as float32 if it has a point or exponent."""
    if isinstance(value, int):
        return str(value)
    text = np.format_float_scientific(np.float32(value), unique=True, trim="0", exp_digits=2)
    return text if "." in text else text.replace("e", ".0e")


def in_float(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return layers that compute in float32 regardless of the app's options.

    By default ncnn allows 16 bits: on phones for all layers, on x86 for inner products. int8
    convolutions still multiply integers.
    """
    return tuple(replace(x, parameters={**x.parameters, FEATURES: IN_FLOAT}) for x in layers)


def of_one_size(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return layers whose Input layers state the image size, so that it is fixed."""
    return tuple(
        replace(x, parameters=stated(x.shapes[0])) if x.kind == "Input" else x for x in layers
    )


def param_text(layers: Sequence[Layer]) -> str:
    """Serialize the .param file: MAGIC, numbers of layers and blobs, then a line for each layer."""
    blobs = {blob for layer in layers for blob in layer.outputs}
    lines = [str(MAGIC), f"{len(layers)} {len(blobs)}", *(layer.line() for layer in layers)]
    return "\n".join(lines) + "\n"


def weight_bytes(layers: Sequence[Layer], float16: bool) -> bytes:
    """Serialize the .bin file: the weights of all layers in a row, without a header, little-endian.

    Before an array of which the type may vary stands a tag of four bytes: 0 for float32,
    0x01306B47 for float16, 0x000D4B38 for int8. Arrays are padded to multiples of four bytes.

    Args:
        layers: in the order of the .param file.
        float16: True to store tagged float weights as float16; infinity beyond its range.
    """
    return b"".join(weight.to_bytes(float16) for layer in layers for weight in layer.weights)


def with_splits(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Add a Split for each blob with several readers.

    ncnn frees a blob after its reader, so each blob may have only one.

    Args:
        layers: in execution order, all of them used; none reads a blob that the app reads.
    """
    readers = Counter(blob for layer in layers for blob in layer.inputs)
    taken: Counter[str] = Counter()
    renamed: list[Layer] = []
    for layer in layers:
        inputs = []
        for blob in layer.inputs:
            inputs.append(_split_name(blob, taken[blob]) if readers[blob] > 1 else blob)
            taken[blob] += 1
        renamed.append(replace(layer, inputs=tuple(inputs)))
        renamed += [
            _split(blob, shape, readers[blob])
            for blob, shape in zip(layer.outputs, layer.shapes, strict=True)
            if readers[blob] > 1
        ]
    return tuple(renamed)


def _split(blob: str, shape: Shape, count: int) -> Layer:
    copies = tuple(_split_name(blob, index) for index in range(count))
    return Layer("Split", f"split_{blob}", (blob,), copies, (shape,) * count, {})


def _split_name(blob: str, index: int) -> str:
    return f"{blob}_split_{index}"


def used_layers(layers: Sequence[Layer], results: Sequence[str]) -> list[Layer]:
    """Return the Input layers and the layers that the results, names of blobs, depend on."""
    wanted, kept = set(results), []
    for layer in reversed(layers):
        if layer.kind == "Input" or wanted & set(layer.outputs):
            wanted.update(layer.inputs)
            kept.append(layer)
    return kept[::-1]
