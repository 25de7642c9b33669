"""Written files and packages: digests, sizes, and writing so that nothing is ever half there."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_imgq.errors import OutputError
from edge_imgq.formats import files_beside

REFERENCE_FOLDER = "reference"
"""In the folder of a model's files: the graphs that they were made from."""

FLOAT_REFERENCE = "float.onnx"
"""Of these graphs the float one that all files are made from."""

ORIGINAL = "original.onnx"
"""Beside it, the person's own file, where there is one: what drift is measured against."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REFUSED = {
    errno.EACCES: "there is no permission to write there",
    errno.EPERM: "there is no permission to write there",
    errno.EROFS: "the disk is read-only",
    errno.ENOENT: "no folder can be made there",
    errno.ENOTDIR: "a part of that path is a file, not a folder",
    errno.EEXIST: "a part of that path is a file, not a folder",
    errno.EISDIR: "there is a folder of that name",
    errno.ENAMETOOLONG: "the name is too long",
}


def float_reference(path: Path) -> Path:
    """Return where the float reference of an exported file lies, if it was kept."""
    return path.parent / REFERENCE_FOLDER / FLOAT_REFERENCE


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the file with those of its format beside it, or every file of a package by name."""
    if not path.is_dir():
        return (path, *(file for file in files_beside(path) if file.exists()))
    found = (entry for entry in path.rglob("*") if entry.is_file())
    return tuple(sorted(found, key=lambda entry: entry.relative_to(path).as_posix()))


def size_of(path: Path) -> int:
    """Return the bytes of all files of a format of several, or of a package."""
    return sum(file.stat().st_size for file in files_of(path))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    For a package it is taken over the relative name, a zero byte, the length as eight bytes and
    the contents of each file, in order of the names; likewise for a format of several files, each
    by its suffix.
    """
    digest, files = hashlib.sha256(), files_of(path)
    for file in files:
        if path.is_dir() or len(files) > 1:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.suffix
            digest.update(name.encode() + b"\0")
            digest.update(file.stat().st_size.to_bytes(8, "big"))
        with file.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()


def remove(path: Path) -> None:
    """Remove a file with those of its format beside it, or a package, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
        return
    for file in (path, *files_beside(path)):
        file.unlink(missing_ok=True)


def move(path: Path, folder: Path) -> None:
    """Rename a file with those of its format beside it, or a package, into another folder."""
    for entry in (path,) if path.is_dir() else files_of(path):
        entry.rename(folder / entry.name)


def write_bytes(path: Path, contents: bytes) -> None:
    """Write a file whole or not at all: under a temporary name, then renamed.

    Raises:
        OutputError: it cannot be written; what was at `path` before is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # Of the folder, because the name that fails is the temporary one beside the file.
        with output_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(contents)
            temporary.replace(path)
    finally:
        # The folder itself may be what is missing or refused.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder whose entries move into `folder` when the body ends without error.

    It lies inside `folder`, so that moving is renaming. An entry replaces what has its name, file
    or folder. After any failure, Ctrl-C included, `folder` is as it was, and is gone again if it
    did not exist.

    Raises:
        OutputError: the disk is full, or the folder cannot be made or written.
    """
    with no_empty_folders(folder), output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".edge-imgq-", dir=folder))
        try:
            yield temporary
            _move_entries(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


COMPILER_FOLDER = "TORCHINDUCTOR_CACHE_DIR"
"""Environment variable that says where torch's compiler keeps its results."""


@contextmanager
def compiler_folder() -> Iterator[None]:
    """Take back the folder that torch's compiler makes for results, where nobody named one.

    Torch's exporter and its optimisers import the compiler, which nothing here uses.
    """
    if COMPILER_FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="edge-imgq-") as folder:
        os.environ[COMPILER_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[COMPILER_FOLDER]


def check_place(path: Path, *, folder: bool) -> None:
    """Look whether a file or folder can be written, before the minutes whose result goes there.

    Nothing is made. A disk that fills up meanwhile is found when it is written to.

    Args:
        path: of what will be written.
        folder: whether that is a folder that files go into.

    Raises:
        OutputError: something else is there or above it, or there is no permission.
    """
    above = path if folder else path.absolute().parent
    if not folder and path.is_dir():
        raise _refused(path, errno.EISDIR)
    found = next(place for place in (above, *above.absolute().parents) if place.exists())
    if not found.is_dir():
        raise _refused(path, errno.ENOTDIR)
    if not os.access(found, os.W_OK | os.X_OK):
        raise _refused(path, errno.EACCES)
    if not folder and path.exists() and not os.access(path, os.W_OK):
        raise _refused(path, errno.EACCES)


def _refused(path: Path | str, number: int) -> OutputError:
    return OutputError(f"{path} cannot be written: {_REFUSED[number]}. Choose another place.")


@contextmanager
def no_empty_folders(folder: Path) -> Iterator[None]:
    """Remove `folder` and its parents that are new and empty when the body fails."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        yield
    except BaseException:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        raise


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Give the failures of writing below `path` a sentence.

    Raises:
        OutputError: instead of an OSError that says that the disk is full, or that a file below
            `path` may not be written. Other errors pass.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OutputError(_full_sentence(path, error)) from error
        if error.errno in _REFUSED and _concerns(error, path):
            raise _refused(error.filename or path, error.errno) from error
        raise


def _full_sentence(path: Path, error: OSError) -> str:
    existing = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    what = "the file would be larger than this account allows"
    if error.errno != errno.EFBIG:
        what = f"the disk is full ({free / 1e6:.1f} MB are free there)"
    return (
        f"{error.filename or path} could not be written: {what}. What was there before is "
        "unchanged. Free some space, or choose another place."
    )


def _concerns(error: OSError, path: Path) -> bool:
    """Tell whether an error is about a file at, below or above `path`."""
    if error.filename is None:
        return True
    at, place = Path(os.fsdecode(error.filename)).absolute(), path.absolute()
    return at.is_relative_to(place) or place.is_relative_to(at)


def _move_entries(source: Path, destination: Path) -> None:
    """Rename every entry of `source` into `destination`, all or none."""
    replaced = Path(tempfile.mkdtemp(prefix=".replaced-", dir=source))
    entries = [entry for entry in source.iterdir() if entry != replaced]
    undo: list[tuple[Path, Path]] = []
    try:
        for entry in entries:
            target = destination / entry.name
            if target.exists():
                target.rename(replaced / entry.name)
                undo.append((replaced / entry.name, target))
            entry.rename(target)
            undo.append((target, entry))
    except BaseException:
        for now, before in reversed(undo):
            now.rename(before)
        raise
