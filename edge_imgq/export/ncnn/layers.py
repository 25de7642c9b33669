"""A network as ncnn's layers, and the two files that they are written to.

Structure: github.com/Tencent/ncnn, docs/developer-guide/param-and-model-file-structure.md. What the
numbers of a layer's parameters mean: operators.md beside it.
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

FULL, HALF, INTEGERS = 0, 0x01306B47, 0x000D4B38
"""Tag in front of weights that may be of several types: float32, float16 and int8."""

ARRAY = -23300
"""Key of a parameter that is an array: this, less its number."""

FEATURES, IN_FLOAT = 31, 7
"""Parameter of every layer by which it does without what the options offer, and the value for
neither arithmetic nor storage in 16 bits (layer-feat-mask.md)."""

SIDES = ((0,), (0, 1), (0, 1, 2), (0, 1, 11, 2))
"""Numbers of the parameters that state a shape, from the last axis on, by the count of axes."""

Number: TypeAlias = int | float
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Weight:
    """Numbers of a layer in the .bin file.

    Attributes:
        values: in the layer's own order; float32, or int8, which stay so.
        is_tagged: whether a tag tells their type, so that they may be float16; others are float32.
    """

    values: Array | NDArray[np.int8]
    is_tagged: bool = False

    def to_bytes(self, half: bool) -> bytes:
        """Return what stands in the file; its length is a multiple of four."""
        if not self.is_tagged:
            return self.values.astype("<f4").tobytes()
        if self.values.dtype == np.int8:
            return INTEGERS.to_bytes(4, "little") + _padded(self.values.tobytes())
        if not half:
            return FULL.to_bytes(4, "little") + self.values.astype("<f4").tobytes()
        return HALF.to_bytes(4, "little") + _padded(self.values.astype("<f2").tobytes())


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


@dataclass(frozen=True)
class Layer:
    """One line of a .param file.

    Attributes:
        kind: ncnn's name of the operator.
        name: unique among layers.
        inputs: names of the blobs that it reads; each is read by one layer.
        outputs: of those that it writes.
        shapes: of the outputs, at the size that the file is written for; not part of the line.
        parameters: by their number.
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
        """Return the line."""
        ends = f"{len(self.inputs)} {len(self.outputs)}"
        words = [f"{self.kind:<24}", f"{self.name:<24}", ends, *self.inputs, *self.outputs]
        words += [_parameter(key, self.parameters[key]) for key in sorted(self.parameters)]
        return " ".join(words)


def stated(shape: Shape) -> dict[int, Number | Sequence[Number]]:
    """Return the parameters of a layer that state a shape."""
    return dict(zip(SIDES[len(shape) - 1], shape[::-1], strict=True))


def _parameter(key: int, value: Number | Sequence[Number]) -> str:
    if isinstance(value, int | float):
        return f"{key}={_number(value)}"
    return f"{ARRAY - key}={len(value)}," + ",".join(map(_number, value))


def _number(value: Number) -> str:
    """Return a number as ncnn reads it: a point or an exponent makes it float, 32 bits wide."""
    if isinstance(value, int):
        return str(value)
    text = np.format_float_scientific(np.float32(value), unique=True, trim="0", exp_digits=2)
    return text if "." in text else text.replace("e", ".0e")


def in_float(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return layers that compute in float32 whatever the options of the app say.

    By default they allow 16 bits: on phones for all layers, on x86 for inner products.
    """
    return tuple(replace(x, parameters={**x.parameters, FEATURES: IN_FLOAT}) for x in layers)


def of_one_size(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return layers with the size of the image stated, which then is the only one."""
    return tuple(
        replace(x, parameters=stated(x.shapes[0])) if x.kind == "Input" else x for x in layers
    )


def param_text(layers: Sequence[Layer]) -> str:
    """Return the contents of a .param file."""
    blobs = {blob for layer in layers for blob in layer.outputs}
    lines = [str(MAGIC), f"{len(layers)} {len(blobs)}", *(layer.line() for layer in layers)]
    return "\n".join(lines) + "\n"


def weight_bytes(layers: Sequence[Layer], half: bool) -> bytes:
    """Return the contents of a .bin file.

    Args:
        layers: in the order of the .param file.
        half: whether weights that may be float16 are.
    """
    return b"".join(weight.to_bytes(half) for layer in layers for weight in layer.weights)


def with_splits(layers: Sequence[Layer], result: str) -> tuple[Layer, ...]:
    """Return the layers that a result depends on, with a Split where several read one blob.

    ncnn lets go of a blob when its reader is done, so each has one reader.

    Args:
        layers: in an order in which every blob is written before it is read.
        result: the blob that an app reads, and no layer.
    """
    used = _used(layers, result)
    readers = Counter(blob for layer in used for blob in layer.inputs)
    taken: Counter[str] = Counter()
    found: list[Layer] = []
    for layer in used:
        inputs = []
        for blob in layer.inputs:
            inputs.append(_split_name(blob, taken[blob]) if readers[blob] > 1 else blob)
            taken[blob] += 1
        found.append(replace(layer, inputs=tuple(inputs)))
        found += [
            _split(blob, shape, readers[blob])
            for blob, shape in zip(layer.outputs, layer.shapes, strict=True)
            if readers[blob] > 1
        ]
    return tuple(found)


def _split(blob: str, shape: Shape, count: int) -> Layer:
    parts = tuple(_split_name(blob, index) for index in range(count))
    return Layer("Split", f"split_{blob}", (blob,), parts, (shape,) * count, {})


def _split_name(blob: str, index: int) -> str:
    return f"{blob}_split_{index}"


def _used(layers: Sequence[Layer], result: str) -> list[Layer]:
    """Return the layers that a result depends on, and that the image enters by."""
    wanted, kept = {result}, []
    for layer in reversed(layers):
        if layer.kind == "Input" or wanted & set(layer.outputs):
            wanted.update(layer.inputs)
            kept.append(layer)
    return kept[::-1]
