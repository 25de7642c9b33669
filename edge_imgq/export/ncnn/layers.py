"""A network as ncnn's layers, and the two files that they are written to.

Structure: github.com/Tencent/ncnn, docs/developer-guide/param-and-model-file-structure.md. What the
numbers of a layer's parameters mean: operators.md beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float32]

MAGIC = 7767517
"""First line of every .param file."""

FULL, HALF = 0, 0x01306B47
"""Tag in front of weights that may be of either type: float32, and float16."""

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
        values: in the layer's own order.
        is_tagged: whether a tag tells their type, so that they may be float16; others are float32.
    """

    values: Array
    is_tagged: bool = False

    def to_bytes(self, half: bool) -> bytes:
        """Return what stands in the file; its length is a multiple of four."""
        if not self.is_tagged:
            return self.values.astype("<f4").tobytes()
        if not half:
            return FULL.to_bytes(4, "little") + self.values.astype("<f4").tobytes()
        data = self.values.astype("<f2").tobytes()
        return HALF.to_bytes(4, "little") + data + bytes(-len(data) % 4)


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


def with_splits(layers: Sequence[Layer], results: Sequence[str]) -> tuple[Layer, ...]:
    """Return the layers that count, with a Split where several read one blob.

    ncnn lets go of a blob when its reader is done, so each has one reader.

    Args:
        layers: in an order in which every blob is written before it is read.
        results: blobs that the app reads; they keep their names.
    """
    used = _used(layers, results)
    readers = Counter(blob for layer in used for blob in layer.inputs)
    taken: Counter[str] = Counter()
    found: list[Layer] = []
    for layer in used:
        inputs = []
        for blob in layer.inputs:
            shared = readers[blob] > 1 or blob in results
            inputs.append(f"{blob}_split_{taken[blob]}" if shared else blob)
            taken[blob] += 1
        outputs = tuple(f"{blob}_whole" if _is_read_result(blob, results, readers) else blob
                        for blob in layer.outputs)  # fmt: skip
        found.append(replace(layer, inputs=tuple(inputs), outputs=outputs))
        found += _splits(layer, outputs, readers, results)
    return tuple(found)


def _is_read_result(blob: str, results: Sequence[str], readers: Counter[str]) -> bool:
    return blob in results and readers[blob] > 0


def _splits(
    layer: Layer, written: Sequence[str], readers: Counter[str], results: Sequence[str]
) -> Iterator[Layer]:
    for blob, name in zip(layer.outputs, written, strict=True):
        is_result = _is_read_result(blob, results, readers)
        if readers[blob] > 1 or is_result:
            parts = tuple(f"{blob}_split_{index}" for index in range(readers[blob]))
            outputs = (blob, *parts) if is_result else parts
            shape = layer.shapes[layer.outputs.index(blob)]
            yield Layer("Split", f"split_{blob}", (name,), outputs, (shape,) * len(outputs), {})


def _used(layers: Sequence[Layer], results: Sequence[str]) -> list[Layer]:
    """Return the layers that a result depends on; those that the image enters by are kept."""
    wanted, kept = set(results), []
    for layer in reversed(layers):
        if layer.kind == "Input" or wanted & set(layer.outputs):
            wanted.update(layer.inputs)
            kept.append(layer)
    return kept[::-1]


def plain_name(name: str) -> str:
    """Return a name as a word that ncnn reads: no spaces, and at most 200 characters."""
    return re.sub(r"[^\w.\-/]", "_", name, flags=re.ASCII)[-200:] or "_"
