"""Paths that a person gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_imgq.errors import ModelError

FILES = (".onnx", ".tflite", ".mlpackage")


def existing(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the paths.

    Raises:
        ModelError: one of them does not exist.
    """
    for path in paths:
        if not path.exists():
            raise ModelError(f"There is no file or folder {path}.")
    return tuple(paths)


def exported_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return every exported file that the paths name; a folder stands for the files in it.

    Raises:
        ModelError: a path does not exist or is no exported file, or a folder holds none.
    """
    files: list[Path] = []
    for path in existing(paths):
        if path.suffix.lower() in FILES:
            files.append(path)
            continue
        if not path.is_dir():
            raise ModelError(f"{path} is not one of {', '.join(FILES)}, so no runtime opens it.")
        inside = sorted(found for found in path.iterdir() if found.suffix in FILES)
        if not inside:
            raise ModelError(f"{path} holds no exported file ({', '.join(FILES)}).")
        files += inside
    return tuple(files)
