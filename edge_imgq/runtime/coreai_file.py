"""Reading an `.aimodel` folder without running it: metadata, digest and program."""

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
"""Files of the folder."""

MAIN = "main"
"""Name of the function that an app calls."""

CUSTOM = "creatorDefinedMetadata"
"""Key of our own metadata."""

SIZE = f"{PREFIX}size"
"""Key of height and width in the metadata."""


@dataclass(frozen=True)
class Asset:
    """One file as it lies on disk.

    Attributes:
        path: the folder.
        note: what the file says about itself.
        size: height and width that it takes.
    """

    path: Path
    note: FileNote
    size: tuple[int, int]

    def program(self) -> Any:
        """Return the program as Core AI parses it; operations live as long as it does.

        Raises:
            ModelError: it is damaged.
        """
        authoring = importlib.import_module("coreai.authoring")
        try:
            return authoring.AIModelAsset.load(self.path).program
        except RuntimeError as error:
            raise ModelError(f"{self.path} is damaged: {error}. Export it again.") from error


def open_asset(path: Path) -> Asset:
    """Read a file that edge-imgq wrote.

    Raises:
        ModelError: it is missing, damaged, or not edge-imgq's.
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
