"""Decide if a file is the one that a report measured, and describe it if not."""

from __future__ import annotations

from pathlib import Path

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, sha256_of
from edge_imgq.contract import FileNote
from edge_imgq.errors import EdgeImgqError, UsageError
from edge_imgq.formats import format_of
from edge_imgq.report.report import Report, TargetReport


def other_reference(folder: Path, report: Report) -> tuple[str, ...]:
    """Return a sentence if a folder's float model is not the report's, else ().

    A missing float model gives ().
    """
    reference = folder / REFERENCE_FOLDER / FLOAT_REFERENCE
    if reference.is_file() and sha256_of(reference) != report.reference_sha256:
        return (f"{reference} is not the float model that the file was measured against",)
    return ()


def not_vouched_for(
    path: Path, report: Report, target: TargetReport, other: tuple[str, ...]
) -> tuple[str, ...]:
    """Return why a file is not the one that a report measured; () if it is.

    Args:
        path: path of the file.
        report: report on its model.
        target: the file's figures in the report.
        other: result of `other_reference` for its folder.
    """
    if not path.exists():
        return (f"there is no file {path}",)
    if other:
        return other
    if sha256_of(path) == target.sha256:
        return ()
    return (_what_it_is(path, report, target.target),)


def _what_it_is(path: Path, report: Report, target: str) -> str:
    """Return a sentence that describes the file at a target's path."""
    try:
        note = note_of(path)
    except EdgeImgqError as error:
        return f"the file is not the one that was measured, and does not open: {error}"
    start = "the file is not the one that was measured: "
    if note.model != report.model:
        return f"{start}it is of another network, {note.target} of {note.model}"
    if note.target != target:
        return f"{start}it is this network's {note.target}"
    if note.reference_sha256 != report.reference_sha256:
        return f"{start}it was made from another float model, in an earlier or later export"
    return f"{start}its bytes were changed"


def note_of(path: Path) -> FileNote:
    """Return the note in an exported file.

    Raises:
        UsageError: the path names no exported file.
        ModelError: the file does not open.
    """
    row = format_of(path)
    if row is None:
        raise UsageError(f"{path} is no exported file")
    note: FileNote = row.functions.read_note(path)
    return note
