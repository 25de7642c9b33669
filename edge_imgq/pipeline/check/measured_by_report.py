"""Decide if a file is the one that a report measured, and describe it if not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, sha256_of
from edge_imgq.contract import FileNote
from edge_imgq.errors import EdgeImgqError, RecipeError, UsageError
from edge_imgq.formats import format_of
from edge_imgq.report.json_form import FILE, read_report
from edge_imgq.report.report import ChangedFile, Report, TargetReport
from edge_imgq.report.verdict import NotVouchedFor

BYTES_CHANGED = "its bytes were changed"
"""Why a file is not the one that was measured, if its note is that of the same export."""

REMEDY = "export the model again, or put the file of its export back"
"""What to do about a file that was changed or is missing."""


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
) -> NotVouchedFor | None:
    """Return why a file is not the one that a report measured; None if it is, byte for byte.

    Args:
        path: path of the file.
        report: report on its model.
        target: the file's figures in the report.
        other: result of `other_reference` for its folder.
    """
    if not path.exists():
        return NotVouchedFor((f"there is no file {path}: {REMEDY}",))
    if other:
        return NotVouchedFor(other)
    if sha256_of(path) == target.sha256:
        return None
    try:
        note = note_of(path)
    except EdgeImgqError as error:
        said = f"the file is not the one that was measured, and does not open: {error}"
        return NotVouchedFor((said,))
    start = "the file is not the one that was measured: "
    if origin := other_export(note, report, target.target):
        remedy = "keep the files and the report.json of one export together, or export again"
        return NotVouchedFor((f"{start}{origin}; {remedy}",), altered=False)
    return NotVouchedFor((f"{start}{BYTES_CHANGED}; {REMEDY}",))


def with_changes(folder: Path, report: Report) -> Report:
    """Return a report with an entry for each file that differs from the one its export measured.

    Compared by SHA-256, with the `report.json` of the folder.

    Args:
        folder: folder of the model. If the report of the export is missing or cannot be read, there
            is no entry.
        report: figures of the files as they are now.

    Raises:
        ModelError: a file that differs does not open.
    """
    try:
        exported = read_report(folder / FILE)
    except (FileNotFoundError, RecipeError):
        return report
    known = {target.target: target.sha256 for target in exported.targets}
    changed = []
    for target in report.targets:
        if known.get(target.target, target.sha256) != target.sha256:
            note = note_of(folder / target.file)
            why = other_export(note, exported, target.target) or BYTES_CHANGED
            changed.append(ChangedFile(target.file, why))
    return replace(report, changed_files=tuple(changed))


def other_export(note: FileNote, report: Report, target: str) -> str:
    """Return how the export that wrote a file differs from the report's; "" if nothing shows it.

    A clause that names the first difference: network, target, float model, quantized graph or
    version. Settings that the note in the file does not state, such as sizes, are not compared.

    Args:
        note: the note in the file.
        report: report on the model that the file should be of.
        target: name of the target that it should be.
    """
    if note.model != report.model:
        return f"it is of another network, {note.target} of {note.model}"
    if note.target != target:
        return f"it is this network's {note.target}"
    if note.reference_sha256 != report.reference_sha256:
        return "it was made from another float model, in an earlier or later export"
    known = {one.target: one.quantized_sha256 for one in report.targets}
    if note.quantized_sha256 != known.get(target, note.quantized_sha256):
        return "it was quantized in another export, with other calibration images or another scheme"
    if note.version != report.version:
        return f"edge-imgq {note.version} wrote it, and {report.version} made the report"
    return ""


def note_of(path: Path) -> FileNote:
    """Return the note in an exported file: its model, target, contract, digests and version.

    Raises:
        UsageError: the path is of no known format, or does not exist.
        ModelError: the file does not open, or has no note.
    """
    row = format_of(path)
    if row is None:
        raise UsageError(f"{path} is not an exported file")
    note: FileNote = row.functions.read_note(path)
    return note
