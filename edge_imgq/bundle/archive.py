"""List a bundle's checksums, and pack it as a reproducible zip file."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping

from edge_imgq.errors import RecipeError

SUMS = "SHA256SUMS"

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""Time of all entries: the earliest that the zip format can express."""


def sums(files: Mapping[str, bytes]) -> bytes:
    """Return the SHA-256 of files by path as UTF-8 lines of `sha256sum --check`, sorted by path."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode()


def read_sums(text: str) -> dict[str, str]:
    """Parse checksums, path → SHA-256.

    Raises:
        RecipeError: a line has another form.
    """
    digests = {}
    for line in text.splitlines():
        digest, gap, name = line.partition("  ")
        if len(digest) != 64 or not gap or not name:
            raise RecipeError(f"{SUMS}: '{line}' is not the digest of a file.")
        digests[name] = digest
    return digests


def zipped(files: Mapping[str, bytes], folder: str) -> bytes:
    """Return an uncompressed zip of files below a folder, with fixed dates: reproducible.

    Versions of zlib compress differently, and weights hardly compress.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", EARLIEST)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return stream.getvalue()
