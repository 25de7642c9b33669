"""Find the exported files that paths name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edge_imgq.errors import UsageError
from edge_imgq.formats import format_of, suffixes, unknown
from edge_imgq.wording import did_you_mean


def exported_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return every exported file that paths name.

    A folder selects the files in it or, if there are none, those in its subfolders. Files of a
    folder are sorted; paths keep their order.

    Raises:
        UsageError: a path does not exist, names no exported file, or is a folder without any.
    """
    return tuple(file for path in paths for file in _files(path))


def refuse_missing(path: Path) -> None:
    """Raise for a path that does not exist.

    Raises:
        UsageError: the path does not exist; the message suggests similar names beside it.
    """
    if not path.exists():
        raise UsageError(f"There is no file or folder {path}.{nearest(path)}")


def nearest(path: Path) -> str:
    """Return a question that suggests paths similar to a missing one; "" if there are none.

    They are in the folder of the missing path, and written with it, so that they can be typed.
    """
    folder = path.absolute().parent
    if not (folder.is_dir() and os.access(folder, os.R_OK)):
        return ""
    before = "" if path.parent == Path() else f"{path.parent}{os.sep}"
    return did_you_mean(path.name, (file.name for file in folder.iterdir()), before)


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
            f"{path} holds no exported file ({', '.join(suffixes())}), nor do the folders in it. "
            "`edge-imgq export` writes such files."
        )
    return inside


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.suffix in suffixes():
        return []
    return sorted(file for file in folder.iterdir() if file.suffix in suffixes())
