"""Copy lossy image files without their metadata and without re-encoding pixels.

JPEG: ITU-T T.81, annex B. WebP: RFC 9649, section 2.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from edge_imgq.images.decode import open_image

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = {"JPEG": (".jpg", ".jpeg"), "MPO": (".jpg", ".jpeg"), "WEBP": (".webp",)}
"""Suffixes of the lossy formats by Pillow's names; MPO is a JPEG followed by other images."""

ORIENTATION = 0x0112
"""EXIF tag of the orientation."""

MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker that ends entropy-coded data: no stuffed byte, restart marker or fill byte."""

START_OF_SCAN, END = 0xDA, 0xD9
APPLICATION, COMMENT = range(0xE0, 0xF0), 0xFE
DECODED = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Application segments that define the stored colours, with the bytes that they start with."""

WEBP_METADATA = {b"EXIF": 0x08, b"XMP ": 0x04}
"""Metadata chunks, with the flag of each in VP8X."""


def lossless_copy(path: Path, suffix: str) -> bytes | None:
    """Return an image file without metadata; coded pixels and colour profile are unchanged.

    Args:
        path: path of a decodable file.
        suffix: suffix of the file to be written.

    Returns:
        The bytes of the copy. None if the image must be re-encoded because of another format, CMYK
        or a stored orientation, and for lossless formats.

    Raises:
        ImageError: the file is missing or not an image.
    """
    with open_image(path) as image:
        same = suffix.lower() in FORMATS.get(image.format or "", ())
        upright = image.getexif().get(ORIENTATION, 1) == 1
        if not same or not upright or image.mode == "CMYK":
            return None
    data = path.read_bytes()
    return webp_without_metadata(data) if suffix.lower() == ".webp" else jpeg_without_metadata(data)


def jpeg_without_metadata(data: bytes) -> bytes:
    """Return the first image of a JPEG file without EXIF, XMP, comments and the like.

    Entropy-coded data and colour profile are copied, so the stored pixels decode the same. An
    orientation in the EXIF data is lost. The file must be valid; it is not checked.

    Args:
        data: a whole JPEG file.

    Raises:
        struct.error: the file ends inside a segment.
    """
    pieces, offset = [data[:2]], 2
    while (marker := MARKER.search(data, offset)) is not None:
        offset, kind = marker.end(), data[marker.end() - 1]
        if kind == END:
            break
        stop = offset + struct.unpack_from(">H", data, offset)[0]
        if kind == START_OF_SCAN:
            following = MARKER.search(data, stop)
            stop = len(data) if following is None else following.start()
        if not _is_metadata(kind, data[offset + 2 : stop]):
            pieces.append(data[marker.start() : stop])
        offset = stop
    return b"".join((*pieces, bytes((0xFF, END))))


def _is_metadata(kind: int, content: bytes) -> bool:
    if kind in APPLICATION:
        return kind not in DECODED or not content.startswith(DECODED[kind])
    return kind == COMMENT


def webp_without_metadata(data: bytes) -> bytes:
    """Return a WebP file without EXIF and XMP; coded pixels and colour profile stay unchanged.

    An orientation in the EXIF data is lost. The file must be valid; it is not checked.

    Args:
        data: a whole WebP file.
    """
    pieces, offset = [b"WEBP"], 12
    while offset + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, offset)
        stop = offset + 8 + length + length % 2
        chunk = bytearray(data[offset:stop])
        if name == b"VP8X":
            chunk[8] &= ~sum(WEBP_METADATA.values())
        if name not in WEBP_METADATA:
            pieces.append(bytes(chunk))
        offset = stop
    content = b"".join(pieces)
    return b"RIFF" + struct.pack("<I", len(content)) + content
