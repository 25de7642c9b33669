"""Select the files of a bundle from a model's folder, and explain which files are left out."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path

from edge_imgq.errors import UsageError
from edge_imgq.formats import suffixes
from edge_imgq.recipe.folders import export_targets
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.wording import did_you_mean

NOT_WRITTEN = "the last export did not write it. To bundle it, export it again with the others."


def choose(folder: Path, report: Report, patterns: Sequence[str]) -> tuple[TargetReport, ...]:
    """Return the files selected by names, globs or families, in the report's order.

    Nothing is opened: a file that was deleted since is selected, too.

    Args:
        folder: folder of the model, for error messages.
        report: report of its last export.
        patterns: target names such as "tflite-int8", globs such as "*-int8", or families such as
            "tflite", which is every target that begins with "tflite-"; empty for all.

    Raises:
        UsageError: a word selects no file.
        RecipeError: a recipe cannot be read; recipes are only read if a word selects no file.
    """
    names = [target.target for target in report.targets]
    chosen: set[str] = set()
    for word in patterns or ("all",):
        matching = {name for name in names if _means(word, name)}
        if not matching:
            raise UsageError(_none(folder, report, word, names))
        chosen |= matching
    return tuple(target for target in report.targets if target.target in chosen)


def left_out(folder: Path, report: Report, patterns: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for each selected file in the folder that was not measured.

    Args:
        folder: folder of the model.
        report: report of its last export.
        patterns: names, globs or families of targets, as in `choose`; empty for all.
    """
    return tuple(
        f"Left out: {path.name}, which is in {folder}: {why}"
        for path, why in _unmeasured(folder, report)
        if any(_means(word, path.stem) for word in patterns or ("all",))
    )


def _means(word: str, name: str) -> bool:
    return word == "all" or name.startswith(f"{word}-") or fnmatch.fnmatchcase(name, word)


def _unmeasured(folder: Path, report: Report) -> list[tuple[Path, str]]:
    """Return the files in a folder that its report has no figures for, each with the reason."""
    measured = {target.file for target in report.targets}
    reasons = {file.file: f"it was not measured. {file.reason}" for file in report.not_run}
    files = (path for path in sorted(folder.iterdir()) if path.suffix in suffixes())
    return [
        (path, reasons.get(path.name, NOT_WRITTEN)) for path in files if path.name not in measured
    ]


def _none(folder: Path, report: Report, word: str, names: Sequence[str]) -> str:
    """Return sentences: a word selects no file, why, and which words would."""
    start = f"There is no file of a target '{word}' in the report of {folder}."
    reasons = [
        f"{path.name} is there, but {why}"
        for path, why in _unmeasured(folder, report)
        if _means(word, path.stem)
    ]
    reasons += [
        f"{failed.target} got no file: {failed.reason}"
        for failed in report.failed
        if _means(word, failed.target)
    ]
    is_target = word in export_targets()
    guess = "" if is_target else did_you_mean(word, names)
    if not reasons and not guess:
        reasons = ["The last export did not write one. To bundle it, export it with the others."]
    known = f"What can be named here: {', '.join(names)}." if names else ""
    return " ".join(filter(None, (start + guess, *reasons, known)))
