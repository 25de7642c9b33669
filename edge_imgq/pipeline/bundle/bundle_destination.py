"""Check the destination of a bundle: a bundle of the same model is replaced, all else refused."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from edge_imgq.bundle import contract
from edge_imgq.bundle.archive import SUMS, read_sums, zipped
from edge_imgq.errors import RecipeError, UsageError

NAMED = 5
"""Largest number of files listed by name in a message."""


def archive_beside(output: Path) -> Path:
    """Return the path of a bundle's zip file.

    It is `<folder>.zip` in the same parent folder, and need not exist.
    """
    return output.with_name(f"{output.name}.zip")


def replaced(output: Path, model: str, *, with_zip: bool) -> tuple[str, ...]:
    """Return sentences that name what a bundle will replace; () if nothing.

    Nothing is written or removed.

    Args:
        output: folder of the bundle.
        model: name of the network.
        with_zip: True if the zip file beside the folder is written too.

    Raises:
        UsageError: the folder is not a bundle, or is that of another model, or has files added or
            changed.
    """
    if not output.name:
        raise UsageError(f"{output} names no folder of its own: name a new one.")
    sentences = []
    if output.is_dir() and any(output.iterdir()):
        _refuse_folder(output, model)
        sentences.append(f"{output} was a bundle of {model} and was replaced.")
    archive = archive_beside(output)
    if with_zip and archive.exists():
        if _model_of_zip(archive) != model:
            raise UsageError(
                f"{archive} is not a bundle of {model}, and --zip would replace it: move it away, "
                "or name another folder."
            )
        sentences.append(f"{archive} was replaced, too.")
    return tuple(sentences)


def stale_zip(output: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return one sentence of advice if the zip beside a bundle holds something else.

    () if the zip equals that of the bundle byte for byte, or does not exist.

    Args:
        output: folder of the bundle.
        files: contents of the bundle by path in it.
    """
    archive = archive_beside(output)
    if not archive.is_file() or archive.read_bytes() == zipped(files, output.name):
        return ()
    return (f"{archive} does not belong to this bundle: remove it, or write it again with --zip.",)


def _refuse_folder(output: Path, model: str) -> None:
    try:
        listed = read_sums((output / SUMS).read_text(encoding="utf-8"))
        other = _model_in((output / contract.FILE).read_bytes())
    except (OSError, ValueError, RecipeError):
        listed, other = {}, ""
    if not other:
        raise UsageError(
            f"{output} holds files that are not a bundle, and a bundle replaces its folder. Name a "
            "new folder."
        )
    if other != model:
        raise UsageError(
            f"{output} is a bundle of {other}, and this is one of {model}: name another folder, or "
            "remove that one first."
        )
    if own := _added_or_changed(output, listed):
        more = f" and {len(own) - NAMED} more" if len(own) > NAMED else ""
        raise UsageError(
            f"{output} holds files that its {SUMS} does not list, or lists otherwise: "
            f"{', '.join(own[:NAMED])}{more}. A bundle replaces its whole folder: move them out of "
            "it, or name another folder."
        )


def _added_or_changed(folder: Path, listed: Mapping[str, str]) -> list[str]:
    names = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name == SUMS or not (path.is_file() or path.is_symlink()):
            continue
        if path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != listed.get(name):
            names.append(name)
    return names


def _model_of_zip(path: Path) -> str:
    """Return the model of a zipped bundle; "" if the file is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith(f"/{contract.FILE}")]
            return _model_in(archive.read(names[0])) if len(names) == 1 else ""
    except (OSError, ValueError, zipfile.BadZipFile):
        return ""


def _model_in(text: bytes) -> str:
    """Return the model that a contract names; "" if none."""
    made = json.loads(text)
    return str(made.get("model", "")) if isinstance(made, dict) else ""
