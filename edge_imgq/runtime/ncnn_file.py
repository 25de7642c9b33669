"""Reading and writing ncnn's two files, without running them.

The note lies behind the weights in the .bin file, where ncnn does not read: JSON, the length of it
in eight bytes, and a mark.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.artifact import write_bytes
from edge_imgq.contract import FileNote
from edge_imgq.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARK = b"edge-imgq"
LENGTH = 8
ARRAY = -23300
FEATURES = 31
FULL, HALF, INTEGERS = 0, 0x01306B47, 0x000D4B38
TYPES = {FULL: "<f4", HALF: "<f2", INTEGERS: "i1"}
"""Tags in front of weights, and the types of these."""

SCALES = 8
OF_GROUPS, OF_RESULT = 1, 100
"""Parameter of a convolution of integers, and what it says: one scale for each group of channels
(else for each channel), the input's, and over 100 the result's."""

WEIGHTS = ".bin"


@dataclass(frozen=True)
class Line:
    """One layer of a .param file.

    Attributes:
        kind: ncnn's name of the operator.
        name: of the layer.
        inputs: blobs that it reads.
        outputs: blobs that it writes.
        parameters: by their number, as text; those of an array without its length.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[int, str]

    def integer(self, key: int, default: int = 0) -> int:
        """Return a parameter that is a whole number."""
        return int(self.parameters.get(key, default))

    @property
    def weights(self) -> tuple[tuple[int, bool], ...]:
        """How many numbers it reads from the .bin file at a time, and whether a tag precedes them.

        Of the layers that edge-imgq writes.
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
        """Whether it multiplies integers."""
        return self.integer(SCALES) > 0

    @property
    def returns_integers(self) -> bool:
        """Whether it rounds its result for the next one."""
        return self.integer(SCALES) > OF_RESULT

    @property
    def _scales(self) -> tuple[tuple[int, bool], ...]:
        """Scales of a convolution of integers: of weights, of the input and of the result."""
        if not self.in_integers:
            return ()
        by_group = self.integer(SCALES) % OF_RESULT == OF_GROUPS
        count = self.integer(7) if by_group else self.integer(0)
        return (count, False), *((1, False),) * (1 + self.returns_integers)


@dataclass(frozen=True)
class ParamAndBin:
    """Both files.

    Attributes:
        text: of the .param file.
        weights: of the .bin file, without the note.
        note: what the files say about themselves.
        size: height and width that they were written for.
        shapes: of the blobs at that size.
    """

    text: str
    weights: bytes
    note: FileNote
    size: tuple[int, int]
    shapes: Mapping[str, Sequence[int]]

    def write(self, path: Path) -> None:
        """Write both files, the .param one at the path.

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
        """The layers."""
        return tuple(map(_line, self.text.splitlines()[2:]))

    @property
    def computes_in_half(self) -> bool:
        """Whether phones compute in float16: no layer says that it does without."""
        return not any(FEATURES in line.parameters for line in self.lines)

    def arrays(self) -> dict[str, list[NDArray[Any]]]:
        """Return the weights of every layer that has some."""
        found: dict[str, list[NDArray[Any]]] = {}
        place = 0
        for line in self.lines:
            for count, is_tagged in line.weights:
                kind = np.dtype("<f4")
                if is_tagged:
                    tag = int.from_bytes(self.weights[place : place + 4], "little")
                    kind, place = np.dtype(TYPES[tag]), place + 4
                values = np.frombuffer(self.weights, kind, count, place)
                found.setdefault(line.name, []).append(values)
                place += -(-values.nbytes // 4) * 4
        return found


def read_pair(path: Path) -> ParamAndBin:
    """Read both files that edge-imgq wrote.

    Args:
        path: of the .param file.

    Raises:
        ModelError: one of them is missing or damaged, or they are not of one export.
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
        whole = fields["sha256"] == _digest(text, weights)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path.with_suffix(WEIGHTS)} is damaged. Export it again.") from error
    if not whole:
        raise ModelError(
            f"{path} and {path.with_suffix(WEIGHTS).name} are not as edge-imgq wrote them: one is "
            "damaged, or of another export. Export them again."
        )
    return pair


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
