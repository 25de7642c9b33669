"""The list of digests of a bundle, and the bundle as one file: the same bytes from the same."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping

from edge_imgq.errors import RecipeError

SUMS = "SHA256SUMS"

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of all entries: the first that the format can state."""


def sums(files: Mapping[str, bytes]) -> bytes:
    """Return the digests of files by their paths, as `sha256sum --check` reads them."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode()


def read_sums(text: str) -> dict[str, str]:
    """Return digests by the paths of their files.

    Raises:
        RecipeError: a line is none of `sums`.
    """
    found = {}
    for line in text.splitlines():
        digest, gap, name = line.partition("  ")
        if len(digest) != 64 or not gap or not name:
            raise RecipeError(f"{SUMS}: '{line}' is no digest of a file.")
        found[name] = digest
    return found


def zipped(files: Mapping[str, bytes], folder: str) -> bytes:
    """Return a zip of files below a folder.

    Nothing is compressed: versions of zlib compress otherwise, and weights hardly at all.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", EARLIEST)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return stream.getvalue()
