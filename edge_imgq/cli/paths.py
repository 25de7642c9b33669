"""Paths that a person gives, looked at before any work: is it there, may it be written?

The functions that take text are for argparse's `type`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_imgq.cli.messages import say
from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.formats import suffixes
from edge_imgq.pipeline.exported_files import nearest

PAIRS = ("input", "truth", "blur", "sharp")
"""Folders in a folder of images that hold them, if there are two."""

WEIGHTS = (".safetensors", ".npz")
"""Suffixes of networks that are no exported files."""


def existing(text: str) -> Path:
    """Parse the path of a file or folder that is there."""
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"there is no file or folder {text}.{nearest(path)}")
    return path


def existing_file(text: str) -> Path:
    """Parse the path of a file that is there."""
    path = existing(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder; name the files in it")
    return path


def existing_folder(text: str) -> Path:
    """Parse the path of a folder of images that is there, and say which of them are not read."""
    from edge_imgq.images.files import holds_images, unread_images

    path = existing(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    for folder in (path, *(path / name for name in PAIRS if (path / name).is_dir())):
        # Of one without any image that is read, the error says it.
        if (said := unread_images(folder)) and holds_images(folder):
            say(said)
    return path


def model(text: str) -> str:
    """Parse a name of the zoo, which is looked up later, or the path of a model that is there."""
    path = Path(text)
    # A word that may also be a name of the zoo is known to be a path by its suffix.
    if path.suffix.lower() in (*suffixes(), *WEIGHTS) or path.parent != Path():
        existing(text)
    return text


def scheme(text: str) -> str:
    """Parse the name of a recipe in quantize/, or the path of one that is there.

    Raises:
        UsageError: there is none of that name.
    """
    from edge_imgq.recipe.folders import quantize_recipe_path

    if text.endswith(".toml"):
        return str(existing_file(text))
    try:
        quantize_recipe_path(text)
    except RecipeError as error:
        raise UsageError(str(error)) from error
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
