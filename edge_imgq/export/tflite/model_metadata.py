"""TFLite's standard metadata, shown by Android Studio and ML Kit: tables of metadata_schema.fbs.

https://github.com/tensorflow/tflite-support/blob/master/tensorflow_lite_support/metadata/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import flatbuffers

if TYPE_CHECKING:
    from edge_imgq.contract import FileNote, ImageContract

NAME = "TFLITE_METADATA"
IDENTIFIER = b"M001"
OLDEST_READER = "1.0.0"
"""Lowest metadata parser version that knows all fields written here."""

IMAGE_PROPERTIES = 2
NORMALIZATION = 1
SPACES = {"rgb": 1, "y": 2}
"""Colour space codes of the schema."""

Slot = tuple[int, int]


def model_metadata(note: FileNote, names: Sequence[tuple[str, str]]) -> bytes:
    """Build the flatbuffer of TFLite's standard metadata, which describes a file and its images.

    Model, author, licence and version are those of the note; value = level / std normalises levels
    of 0 to 255 to 0 to the contract's peak. Follows metadata_schema.fbs, "M001".

    Args:
        note: metadata of the file.
        names: (input, output) names of each signature.
    """
    builder, contract, stated = flatbuffers.Builder(1024), note.contract, note.authorship
    graphs = [_graph(builder, contract, *pair) for pair in names]
    what = f"{contract.task} x{contract.scale}, target {note.target}, by edge-imgq {note.version}"
    texts = {
        0: note.model,
        1: what,
        2: stated.version or note.version,
        4: stated.author,
        5: stated.licence,
        7: OLDEST_READER,
    }
    slots = [(slot, builder.CreateString(text)) for slot, text in texts.items() if text]
    table = _table(builder, 8, [*slots, (3, _offsets(builder, graphs))])
    builder.Finish(table, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _graph(builder: Any, contract: ImageContract, image: str, result: str) -> int:
    """Write a SubGraphMetadata table and return its offset."""
    inputs = _offsets(builder, [_tensor(builder, contract, image, "the image")])
    outputs = _offsets(builder, [_tensor(builder, contract, result, "what becomes of it")])
    return _table(builder, 9, [(2, inputs), (3, outputs)])


def _tensor(builder: Any, contract: ImageContract, name: str, what: str) -> int:
    """Write a TensorMetadata table; value = level / `std` for levels of 0 to 255."""
    levels = "R, G and B" if contract.colour == "rgb" else "luma of BT.601 from 16 to 235"
    texts = [(0, builder.CreateString(name)), (1, builder.CreateString(f"{what}: {levels}"))]
    properties = _table(builder, 2, [], number=(0, SPACES[contract.colour]))
    content = _table(builder, 3, [(1, properties)], number=(0, IMAGE_PROPERTIES))
    mean, std = (_floats(builder, value) for value in (0.0, 255.0 / contract.peak))
    options = _table(builder, 2, [(0, mean), (1, std)])
    unit = _table(builder, 2, [(1, options)], number=(0, NORMALIZATION))
    return _table(builder, 7, [*texts, (3, content), (4, _offsets(builder, [unit]))])


def _table(builder: Any, slots: int, offsets: Sequence[Slot], number: Slot | None = None) -> int:
    """Write a table with `slots` fields: offsets, and at most one 8-bit number."""
    builder.StartObject(slots)
    for slot, offset in offsets:
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    if number is not None:
        builder.PrependInt8Slot(*number, 0)
    return int(builder.EndObject())


def _offsets(builder: Any, offsets: Sequence[int]) -> int:
    return _vector(builder, offsets, builder.PrependUOffsetTRelative)


def _floats(builder: Any, *values: float) -> int:
    return _vector(builder, values, builder.PrependFloat32)


def _vector(builder: Any, values: Sequence[float], prepend: Callable[[Any], None]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        prepend(value)
    return int(builder.EndVector())
