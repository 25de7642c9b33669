"""Argument types for paths, checked before any work: does it exist, can it be written?

Functions that take text are for argparse's `type`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_imgq.cli.messages import say
from edge_imgq.errors import RecipeError, UsageError
from edge_imgq.formats import suffixes
from edge_imgq.pipeline.exported_files import nearest

PAIRS = ("input", "truth", "blur", "sharp")
"""Subfolders that hold the images of a folder of pairs."""

WEIGHTS = (".safetensors", ".npz")
"""Suffixes of networks that are not exported files."""


def existing(text: str) -> Path:
    """Return the path of an existing file or folder; the error suggests the nearest name.

    Raises:
        ArgumentTypeError: there is none.
    """
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"there is no file or folder {text}.{nearest(path)}")
    return path


def exported(text: str) -> Path:
    """Return the path of an existing file or folder, perhaps of a model's exported files.

    Raises:
        ArgumentTypeError: there is none; for the name of a network, the error says where its files
            are, or which command writes them.
    """
    from edge_imgq.models.zoo import ZOO

    if text in ZOO and not Path(text).exists():
        folder = Path("artifacts", text)
        where = f"`edge-imgq export {text}` writes its files to {folder}"
        if folder.is_dir():
            where = f"its files are in {folder}"
        raise argparse.ArgumentTypeError(f"{text} is a network, not a file; {where}")
    return existing(text)


def existing_file(text: str) -> Path:
    """Return the path of an existing file; the error suggests the nearest name.

    Raises:
        ArgumentTypeError: there is none, or it is a folder.
    """
    path = existing(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder; name the files in it")
    return path


def existing_folder(text: str) -> Path:
    """Return the path of an existing folder of images.

    A message on stderr names the images in it, and in its subfolders of pairs, that are not read
    because of their format.

    Raises:
        ArgumentTypeError: there is none, or it is a file.
    """
    from edge_imgq.images.files import holds_images, unread_images

    path = existing(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a file; name the folder that holds it")
    for folder in (path, *(path / name for name in PAIRS if (path / name).is_dir())):
        # A folder without a single readable image is an error of its own.
        if (said := unread_images(folder)) and holds_images(folder):
            say(said)
    return path


def model(text: str) -> str:
    """Check a model: a name, which is looked up later, or the path of an existing file.

    Raises:
        ArgumentTypeError: it is a path, and there is no file.
    """
    path = Path(text)
    # Only a suffix or a folder tells a path from the name of a network.
    if path.suffix.lower() in (*suffixes(), *WEIGHTS) or path.parent != Path():
        existing(text)
    return text


def scheme(text: str) -> str:
    """Check a quantization scheme: the name of a recipe in quantize/, or the path of a .toml file.

    Raises:
        UsageError: there is no recipe of that name.
        ArgumentTypeError: there is no file at that path.
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
    """Return the path of a folder in which files can be created; it need not exist yet.

    Nothing is created.

    Raises:
        OutputError: it cannot be written, or a file has its name.
    """
    from edge_imgq.artifact import check_writable

    check_writable(Path(text), folder=True)
    return Path(text)


def output_file(text: str) -> Path:
    """Return the path of a file that can be written or replaced; it need not exist.

    Nothing is created.

    Raises:
        OutputError: it cannot be written, or is a folder.
    """
    from edge_imgq.artifact import check_writable

    check_writable(Path(text), folder=False)
    return Path(text)


def file_to_keep(text: str) -> Path:
    """Return the path of an existing file, even if read-only, or of one that can be written.

    Raises:
        OutputError: it does not exist and cannot be written.
    """
    return Path(text) if Path(text).is_file() else output_file(text)


def output_image(text: str) -> Path:
    """Return the path of an image that can be written; it need not exist, and is not created.

    Raises:
        ArgumentTypeError: its suffix is not that of an image format (`files.SUFFIXES`).
        OutputError: it cannot be written.
    """
    from edge_imgq.images.files import SUFFIXES

    if Path(text).suffix.lower() not in SUFFIXES:
        suffixes = ", ".join(sorted(SUFFIXES))
        raise argparse.ArgumentTypeError(
            f"{text} is not the name of an image: end it in {suffixes}"
        )
    return output_file(text)
