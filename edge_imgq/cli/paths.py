"""Paths that a person gives, looked at before any work: is it there, may it be written?

The functions that take text are for argparse's `type`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from edge_imgq.cli.messages import say
from edge_imgq.errors import ModelError
from edge_imgq.wording import did_you_mean

FILES = (".onnx", ".tflite", ".mlpackage")
"""Suffixes of what `export` writes."""

PAIRS = ("input", "truth", "blur", "sharp")
"""Folders in a folder of images that hold them, if there are two."""

MODELS = (*FILES, ".safetensors", ".npz")
"""Suffixes by which a word that may also be a name of the zoo is known to be a path."""


def existing(text: str) -> Path:
    """Parse the path of a file or folder that is there."""
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"there is no file or folder {text}.{_nearest(path)}")
    return path


def existing_folder(text: str) -> Path:
    """Parse the path of a folder of images that is there, and say which of them are not read."""
    from edge_imgq.images.files import unread_images

    path = existing(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    for folder in (path, *(path / name for name in PAIRS if (path / name).is_dir())):
        if said := unread_images(folder):
            say(said)
    return path


def model(text: str) -> str:
    """Parse a name of the zoo, which is looked up later, or the path of a model that is there."""
    path = Path(text)
    if path.suffix.lower() in MODELS or path.parent != Path():
        existing(text)
    return text


def output_folder(text: str) -> Path:
    """Parse the path of a folder that files can be written to.

    Raises:
        OutputError: they cannot.
    """
    from edge_imgq.artifact import check_place

    check_place(Path(text), folder=True)
    return Path(text)


def output_file(text: str) -> Path:
    """Parse the path of a file that can be written.

    Raises:
        OutputError: it cannot.
    """
    from edge_imgq.artifact import check_place

    check_place(Path(text), folder=False)
    return Path(text)


def file_to_keep(text: str) -> Path:
    """Parse the path of a file that is there, maybe to be read alone, or else can be written.

    Raises:
        OutputError: neither.
    """
    return Path(text) if Path(text).is_file() else output_file(text)


def output_image(text: str) -> Path:
    """Parse the path of an image that can be written.

    Raises:
        OutputError: it cannot.
    """
    from edge_imgq.images.files import SUFFIXES

    if Path(text).suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"{text} does not end in {', '.join(sorted(SUFFIXES))}")
    return output_file(text)


def exported_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return every exported file that paths name.

    A folder stands for the files in it or, where there are none, for those in the folders in it.

    Raises:
        ModelError: a path is no exported file, or a folder holds none.
    """
    return tuple(file for path in paths for file in _files(path))


def _files(path: Path) -> Sequence[Path]:
    if path.suffix.lower() in FILES:
        return (path,)
    if not path.is_dir():
        raise ModelError(f"{path} is not one of {', '.join(FILES)}, so no runtime opens it.")
    folders = sorted(path.iterdir())
    inside = _inside(path) or [file for folder in folders for file in _inside(folder)]
    if not inside:
        raise ModelError(
            f"{path} holds no exported file ({', '.join(FILES)}), nor do the folders in it."
        )
    return inside


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.suffix in FILES:
        return []
    return sorted(found for found in folder.iterdir() if found.suffix in FILES)


def _nearest(path: Path) -> str:
    """Return a question that names what lies beside a path that is not there."""
    folder = path.absolute().parent
    if not (folder.is_dir() and os.access(folder, os.R_OK)):
        return ""
    return did_you_mean(path.name, (found.name for found in folder.iterdir()))
