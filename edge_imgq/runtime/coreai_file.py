"""Reader of `.aimodel` folders without running them: metadata, digest and program."""

from __future__ import annotations

import hashlib
import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_imgq.contract import PREFIX, FileNote
from edge_imgq.errors import ModelError

METADATA, PROGRAM, DIGEST = "metadata.json", "main.mlirb", "main.hash"
"""File names in the folder."""

MAIN = "main"
"""Name of the function that an app calls."""

CUSTOM = "creatorDefinedMetadata"
"""Key of the creator's metadata."""

SIZE = f"{PREFIX}size"
"""Metadata key of height and width."""


@dataclass(frozen=True)
class Asset:
    """One `.aimodel` folder.

    Attributes:
        path: the folder.
        note: embedded metadata.
        size: (height, width) of the input.
    """

    path: Path
    note: FileNote
    size: tuple[int, int]

    def program(self) -> Any:
        """Parse the program with Core AI's Python package, without running it.

        Returns Core AI's program object; operations read from it are valid as long as it exists.

        Raises:
            ModelError: the program is damaged.
            ImportError: Core AI's package is not installed.
        """
        authoring = importlib.import_module("coreai.authoring")
        try:
            return authoring.AIModelAsset.load(self.path).program
        except RuntimeError as error:
            raise ModelError(f"{self.path} is damaged: {error}. Export it again.") from error


def open_asset(path: Path) -> Asset:
    """Read the metadata of an .aimodel folder that edge-imgq wrote, and check its SHA-256.

    The program is not parsed; Core AI's package is not needed.

    Raises:
        ModelError: the folder is missing, damaged, or not written by edge-imgq.
    """
    if not path.exists():
        raise ModelError(f"There is no Core AI file at {path}.")
    program = _contents(path, PROGRAM)
    if hashlib.sha256(program).digest() != _contents(path, DIGEST):
        raise ModelError(f"{path} is damaged: its program is not the one that was written.")
    try:
        metadata = json.loads(_contents(path, METADATA))
        strings = {key: str(value) for key, value in metadata.get(CUSTOM, {}).items()}
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{path / METADATA} is damaged. Export it again.") from error
    note = FileNote.from_strings(strings, str(path))
    height, _, width = strings.get(SIZE, "").partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise ModelError(f"{path / METADATA} states no size. Export it again.")
    return Asset(path, note, (int(height), int(width)))


def _contents(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except OSError as error:
        raise ModelError(f"{path} is not whole: {name} cannot be read. Export it again.") from error
