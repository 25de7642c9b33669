"""Write files and packages atomically, and compute their digests and sizes."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_imgq.errors import OutputError
from edge_imgq.formats import files_beside

REFERENCE_FOLDER = "reference"
"""Subfolder of a model's folder that holds the ONNX graphs its files were made from."""

FLOAT_REFERENCE = "float.onnx"
"""Name in REFERENCE_FOLDER of the float graph that every file of the model is made from."""

ORIGINAL = "original.onnx"
"""Name in REFERENCE_FOLDER of the user's own .onnx file, if any; drift is measured against it."""

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
    """Return the path of the float ONNX file that an exported file was made from.

    `reference/float.onnx` beside the file; it may not exist.
    """
    return path.parent / REFERENCE_FOLDER / FLOAT_REFERENCE


def files_of(path: Path) -> tuple[Path, ...]:
    """Return a file with its companion files, or every file in a package, sorted by relative path.

    Companion files that do not exist are left out; `path` itself is not checked.
    """
    if not path.is_dir():
        return (path, *(file for file in files_beside(path) if file.exists()))
    files = (entry for entry in path.rglob("*") if entry.is_file())
    return tuple(sorted(files, key=lambda entry: entry.relative_to(path).as_posix()))


def size_of(path: Path) -> int:
    """Return the total size in bytes of a file with its companion files, or of a package.

    Raises:
        OSError: the file is not there.
    """
    return sum(file.stat().st_size for file in files_of(path))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file or package, in hexadecimal.

    A single file has the digest that `sha256sum` prints. For a package, the hash runs over each
    file in the order of relative paths: path in UTF-8, a zero byte, the size as eight big-endian
    bytes, the contents. A format of several files is hashed alike, with suffixes for paths.

    Raises:
        OSError: the file is not there.
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
    """Delete a file with its companion files, or a package; do nothing if it does not exist.

    Raises:
        OSError: a file may not be deleted; others may already be gone.
    """
    if path.is_dir():
        shutil.rmtree(path)
        return
    for file in (path, *files_beside(path)):
        file.unlink(missing_ok=True)


def move(path: Path, folder: Path) -> None:
    """Rename a file with its companion files, or a package, into another folder.

    Args:
        path: file or package, which must exist.
        folder: existing folder on the same file system; a file of the same name is replaced.

    Raises:
        OSError: a rename failed; companion files may already have moved.
    """
    for entry in (path,) if path.is_dir() else files_of(path):
        entry.rename(folder / entry.name)


def write_bytes(path: Path, contents: bytes) -> None:
    """Write a file atomically: under a temporary name beside `path`, then renamed.

    Missing parent folders are created.

    Raises:
        OutputError: the file cannot be written; an earlier file at `path` is unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(contents)
            temporary.replace(path)
    finally:
        # The folder itself may be what is missing or refused.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file atomically, as UTF-8 without a byte order mark; line ends stay as they are.

    Missing parent folders are created.

    Raises:
        OutputError: the file cannot be written; an earlier file at `path` is unchanged.
        UnicodeEncodeError: the text has a lone surrogate; nothing is written.
    """
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder whose entries move into `folder` when the body ends without error.

    The hidden folder is inside `folder`, so each move is a rename. An entry replaces the file or
    folder of the same name. After any failure, Ctrl-C included, `folder` is unchanged, and is
    removed again if it did not exist.

    Raises:
        OutputError: the disk is full, or the folder cannot be created or written.
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
"""Environment variable that names the cache folder of torch's compiler (TorchInductor)."""


@contextmanager
def compiler_folder() -> Iterator[None]:
    """Give torch's compiler a temporary cache folder while the body of `with` runs.

    The environment variable TORCHINDUCTOR_CACHE_DIR names it in this process; variable and folder
    are removed at the end. Nothing happens if the variable is set before. Torch's exporter and
    optimisers import the compiler, which creates its folder even though nothing here compiles.
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


def check_writable(path: Path, *, folder: bool) -> None:
    """Raise if a file or folder cannot be written, before a long computation that writes to it.

    Nothing is created. A disk that fills up later is reported when the file is written.

    Args:
        path: file or folder to be written.
        folder: True if `path` is a folder that will receive files.

    Raises:
        OutputError: a folder has the file's name, a file has the name of a folder on the path, or
            permission is missing.
    """
    with output_errors(path):  # looking at a name that is too long raises, too
        above = path if folder else path.absolute().parent
        if not folder and path.is_dir():
            raise _refused(path, errno.EISDIR)
        existing = next(p for p in (above, *above.absolute().parents) if p.exists())
        if not existing.is_dir():
            raise _refused(path, errno.ENOTDIR)
        if not os.access(existing, os.W_OK | os.X_OK):
            raise _refused(path, errno.EACCES)
        if not folder and path.exists() and not os.access(path, os.W_OK):
            raise _refused(path, errno.EACCES)


def _refused(path: Path | str, number: int) -> OutputError:
    return OutputError(f"{path} cannot be written: {_REFUSED[number]}. Choose another place.")


@contextmanager
def no_empty_folders(folder: Path) -> Iterator[None]:
    """Remove `folder` and its parents if the body raises and they are new and empty.

    A context manager. New are those that do not exist when it is entered.
    """
    missing = _missing(folder)
    try:
        yield
    except BaseException:
        _remove_empty(missing)
        raise


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Create `folder` before the body; after it, remove it and its new parents if they are empty.

    Raises:
        OutputError: it cannot be created.
    """
    with output_errors(folder):
        missing = _missing(folder)
    try:
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        _remove_empty(missing)


def _missing(folder: Path) -> list[Path]:
    """Return those of a folder and its parents that do not exist, from the folder up."""
    return [parent for parent in (folder, *folder.parents) if not parent.exists()]


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Convert an OSError that the body raises while writing below `path` into an OutputError.

    A context manager. The message says what could not be written, and why. If the body does nothing
    but write `path`, use `write_errors`.

    Raises:
        OutputError: the disk or quota is full, or a file at, below or above `path` may not be
            written. Other errors pass unchanged.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OutputError(_full_sentence(path, error)) from error
        if error.errno in _REFUSED and _concerns(error, path):
            raise _refused(error.filename or path, error.errno) from error
        raise


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Convert every OSError of a body that writes `path`, and nothing else, into an OutputError.

    A context manager. The message names `path`, or the folder above it that is to blame, and never
    a temporary file beside it.

    Raises:
        OutputError: the body raised OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            named = OSError(error.errno, error.strerror, str(path))
            raise OutputError(_full_sentence(path, named)) from error
        if error.errno in _REFUSED:
            raise _refused(_at_or_above(path, error), error.errno) from error
        raise OutputError(f"{path} could not be written: {error}.") from error


def _at_or_above(path: Path, error: OSError) -> Path:
    """Return the folder above `path` that an error is about, or `path` itself."""
    failed = path if error.filename is None else Path(os.fsdecode(error.filename))
    return failed if path.is_relative_to(failed) else path


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
    """Return True if an error is about a file at, below or above `path`, or names no file."""
    if error.filename is None:
        return True
    failed, written = Path(os.fsdecode(error.filename)).absolute(), path.absolute()
    return failed.is_relative_to(written) or written.is_relative_to(failed)


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
