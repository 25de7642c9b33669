"""The exported files that paths name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edge_imgq.errors import UsageError
from edge_imgq.formats import format_of, suffixes, unknown
from edge_imgq.wording import did_you_mean


def exported_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return every exported file that paths name.

    A folder stands for the files in it or, where there are none, for those in the folders in it.

    Raises:
        UsageError: there is nothing at a path, it is no exported file, or a folder holds none.
    """
    return tuple(file for path in paths for file in _files(path))


def refuse_missing(path: Path) -> None:
    """Refuse a path that names nothing.

    Raises:
        UsageError: it does; what lies beside it under a similar name is in the message.
    """
    if not path.exists():
        raise UsageError(f"There is no file or folder {path}.{nearest(path)}")


def nearest(path: Path) -> str:
    """Return a question that names what lies beside a path that is not there."""
    folder = path.absolute().parent
    if not (folder.is_dir() and os.access(folder, os.R_OK)):
        return ""
    return did_you_mean(path.name, (found.name for found in folder.iterdir()))


def _files(path: Path) -> Sequence[Path]:
    refuse_missing(path)
    if format_of(path) is not None:
        return (path,)
    if not path.is_dir():
        raise UsageError(f"{path} {unknown(path)}.")
    folders = sorted(path.iterdir())
    inside = _inside(path) or [file for folder in folders for file in _inside(folder)]
    if not inside:
        raise UsageError(
            f"{path} holds no exported file ({', '.join(suffixes())}), nor do the folders in it."
        )
    return inside


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.suffix in suffixes():
        return []
    return sorted(found for found in folder.iterdir() if found.suffix in suffixes())
