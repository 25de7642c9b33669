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
    """Return the text of a SHA256SUMS file for contents by path, which `sha256sum --check` reads.

    UTF-8; a line is the digest in hexadecimal, two spaces and the path, sorted by path.
    """
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode()


def read_sums(text: str) -> dict[str, str]:
    """Parse the text of `sums` into path → SHA-256 in hexadecimal.

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
    """Return a zip archive of `files`, contents by path, all below the folder `folder` in it.

    Equal contents give equal bytes on every machine: entries are sorted, dated 1980, and not
    compressed, because versions of zlib differ, and weights hardly compress.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", EARLIEST)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return stream.getvalue()
