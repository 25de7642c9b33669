"""Reader and writer of ncnn's two files, without running them.

The note follows the weights in the .bin file, where ncnn does not read: JSON, its length in eight
bytes (little-endian), and a magic mark.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.artifact import write_bytes
from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARK = b"edge-imgq"
LENGTH = 8
ARRAY = -23300
FEATURES = 31
FLOAT32, FLOAT16, INTEGERS = 0, 0x01306B47, 0x000D4B38
TYPES = {FLOAT32: "<f4", FLOAT16: "<f2", INTEGERS: "i1"}
"""NumPy element types by the tag that precedes weights."""

SCALES = 8
OF_GROUPS, OF_RESULT = 1, 100
"""Values of an int8 convolution's scale parameter.

1 means one scale per group, else one per channel; values over 100 add a result scale.
"""

WEIGHTS = ".bin"

IMAGE, RESULT = "image", "result"
"""Names of the input image's blob and of the first output's."""


@dataclass(frozen=True)
class Line:
    """One layer of a .param file.

    Attributes:
        kind: ncnn's layer type.
        name: name of the layer.
        inputs: blobs read.
        outputs: blobs written.
        parameters: text by key; arrays without their length.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[int, str]

    def integer(self, key: int, default: int = 0) -> int:
        """Return an integer parameter by its key, or the default if the line does not state it."""
        return int(self.parameters.get(key, default))

    @property
    def weights(self) -> tuple[tuple[int, bool], ...]:
        """(element count, tagged) of each array in the .bin file, in the order of reading.

        Empty for layers without weights, and for kinds that edge-imgq does not write. Tagged arrays
        begin with four bytes that state their type.
        """
        if self.kind.startswith(("Convolution", "Deconvolution")):
            bias = ((self.integer(0), False),) if self.integer(5) else ()
            return ((self.integer(6), True), *bias, *self._scales)
        if self.kind == "InnerProduct":
            bias = ((self.integer(0), False),) if self.integer(1) else ()
            return ((self.integer(2), True), *bias)
        if self.kind == "PReLU":
            return ((self.integer(0), False),)
        if self.kind == "MemoryData":
            sides = [self.integer(key) for key in (0, 1, 2, 11)]
            return ((int(np.prod([side for side in sides if side])), False),)
        return ()

    @property
    def in_integers(self) -> bool:
        """True if the layer multiplies int8 by int8."""
        return self.integer(SCALES) > 0

    @property
    def returns_integers(self) -> bool:
        """True if the layer quantizes its result to int8 for the next one."""
        return self.integer(SCALES) > OF_RESULT

    @property
    def _scales(self) -> tuple[tuple[int, bool], ...]:
        """Scale arrays of an int8 convolution: weights, input and result."""
        if not self.in_integers:
            return ()
        by_group = self.integer(SCALES) % OF_RESULT == OF_GROUPS
        count = self.integer(7) if by_group else self.integer(0)
        return (count, False), *((1, False),) * (1 + self.returns_integers)


@dataclass(frozen=True)
class ParamAndBin:
    """Contents of both files.

    Attributes:
        text: the .param file.
        weights: the .bin file without the note.
        note: embedded metadata.
        size: exported (height, width) in pixels.
        shapes: blob shapes at that size, without a batch axis, such as (C, H, W).
    """

    text: str
    weights: bytes
    note: FileNote
    size: tuple[int, int]
    shapes: Mapping[str, Sequence[int]]

    def write(self, path: Path) -> None:
        """Write both files: the .param file to `path`, and first the .bin file beside it.

        The note, with size, shapes and a SHA-256 of both, is appended to the .bin file. Existing
        files are replaced.

        Raises:
            OutputError: the disk is full, or the folder cannot be written.
        """
        fields = {
            "note": self.note.to_strings(),
            "size": list(self.size),
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "sha256": _digest(self.text, self.weights),
        }
        data = json.dumps(fields, separators=(",", ":")).encode()
        data += bytes(-len(data) % 4)
        ending = data + len(data).to_bytes(LENGTH, "little") + MARK
        write_bytes(path.with_suffix(WEIGHTS), self.weights + ending)
        write_bytes(path, self.text.encode())

    @property
    def lines(self) -> tuple[Line, ...]:
        """Layers of the .param file, parsed, in execution order."""
        return tuple(map(_line, self.text.splitlines()[2:]))

    @property
    def computes_in_float16(self) -> bool:
        """True if ncnn computes in float16 on phones: no layer of the file switches it off."""
        return not any(FEATURES in line.parameters for line in self.lines)

    def arrays(self) -> dict[str, list[NDArray[Any]]]:
        """Return the weight arrays by layer name, read-only.

        They are flat, in the order in which ncnn reads them, in their stored type: float32, float16
        or int8. Layers without weights are absent.
        """
        arrays_by_layer: dict[str, list[NDArray[Any]]] = {}
        offset = 0
        for line in self.lines:
            for count, is_tagged in line.weights:
                kind = np.dtype("<f4")
                if is_tagged:
                    tag = int.from_bytes(self.weights[offset : offset + 4], "little")
                    kind, offset = np.dtype(TYPES[tag]), offset + 4
                values = np.frombuffer(self.weights, kind, count, offset)
                arrays_by_layer.setdefault(line.name, []).append(values)
                offset += -(-values.nbytes // 4) * 4
        return arrays_by_layer


def read_pair(path: Path) -> ParamAndBin:
    """Read both files of an ncnn model, without running them, and check their SHA-256.

    Args:
        path: the .param file.

    Raises:
        ModelError: a file is missing, damaged, or not written by edge-imgq, or the two are from
            different exports.
    """
    text, data = _contents(path).decode(errors="replace"), _contents(path.with_suffix(WEIGHTS))
    end = len(data) - LENGTH - len(MARK)
    length = int.from_bytes(data[end : end + LENGTH], "little")
    if end < 0 or not data.endswith(MARK) or length > end:
        raise ModelError(
            f"{path.with_suffix(WEIGHTS)} does not say what its pixels mean: edge-imgq did not "
            "write it, or its end is missing. Export it again."
        )
    weights = data[: end - length]
    try:
        fields = json.loads(data[end - length : end].rstrip(b"\0"))
        note = FileNote.from_strings(fields["note"], str(path))
        height, width = map(int, fields["size"])
        pair = ParamAndBin(text, weights, note, (height, width), fields["shapes"])
        is_intact = fields["sha256"] == _digest(text, weights)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path.with_suffix(WEIGHTS)} is damaged. Export it again.") from error
    if not is_intact:
        raise ModelError(
            f"{path} and {path.with_suffix(WEIGHTS).name} are not as edge-imgq wrote them: one is "
            "damaged, or of another export. Export them again."
        )
    return pair


def input_blobs(contract: ImageContract) -> tuple[str, ...]:
    """Return the input blobs: IMAGE, then the other inputs' names, with `_` for white space."""
    return (IMAGE, *(_blob(port.name) for port in contract.further))


def output_blobs(contract: ImageContract) -> tuple[str, ...]:
    """Return the output blobs: RESULT, then the other outputs' names, with `_` for white space.

    A name that an input or the first output has gets `_` at its end.
    """
    taken = {*input_blobs(contract), RESULT}
    names = (_blob(port.name) for port in contract.others)
    return (RESULT, *(f"{name}_" if name in taken else name for name in names))


def _blob(name: str) -> str:
    return re.sub(r"\s", "_", name)


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"There is no {path}; ncnn needs both of its files.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error


def _digest(text: str, weights: bytes) -> str:
    return hashlib.sha256(text.encode() + b"\0" + weights).hexdigest()


def _line(text: str) -> Line:
    kind, name, inputs, outputs, *rest = text.split()
    reads, writes = int(inputs), int(outputs)
    blobs, words = rest[: reads + writes], rest[reads + writes :]
    parameters = {}
    for word in words:
        key, _, value = word.partition("=")
        if int(key) <= ARRAY:
            key, value = str(ARRAY - int(key)), value.partition(",")[2]
        parameters[int(key)] = value
    return Line(kind, name, tuple(blobs[:reads]), tuple(blobs[reads:]), parameters)
