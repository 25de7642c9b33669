"""Read the results of `sensitivity` if they belong to the model of exported files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_imgq.errors import RecipeError
from edge_imgq.report.json_file import read_json
from edge_imgq.report.report import Report
from edge_imgq.report.sensitivity import FILE, Sensitivity
from edge_imgq.report.typed import read_as
from edge_imgq.skipped import Skipped


def known_sensitivity(
    folder: Path, reference_sha256: str, calibration_sha256: str = ""
) -> Sensitivity | Skipped | None:
    """Read `sensitivity.json` of a model's folder.

    Args:
        folder: folder of the model.
        reference_sha256: digest that the float reference of the results must have.
        calibration_sha256: digest that their calibration images must have; "" for any.

    Returns:
        The results; the reason if the file is unreadable or has other digests; None if there is no
        file.
    """
    path = folder / FILE
    try:
        sensitivity: Sensitivity = read_as(Sensitivity, read_json(path), str(path))
    except FileNotFoundError:
        return None
    except RecipeError:
        return Skipped(f"{path} is damaged or of another edge-imgq; {AGAIN}")
    if sensitivity.reference_sha256 != reference_sha256:
        return Skipped(f"{path} is of another float model than the files; {AGAIN}")
    if calibration_sha256 and sensitivity.calibration_sha256 != calibration_sha256:
        return Skipped(f"{path} is of other calibration images than the files; {AGAIN}")
    return sensitivity


AGAIN = "run `edge-imgq sensitivity` again, with the model and options of `export`"
"""Advice that ends each reason."""


def layers_of(folders: Mapping[Path, Report]) -> tuple[tuple[Sensitivity, ...], tuple[str, ...]]:
    """Return the known sensitivities of reported models, and the reasons for unusable files.

    Both in the order of the folders; a folder without `sensitivity.json` adds neither.

    Args:
        folders: report of each model, by its folder.
    """
    read = [
        known_sensitivity(folder, report.reference_sha256, report.calibration_sha256)
        for folder, report in folders.items()
    ]
    known = tuple(one for one in read if isinstance(one, Sensitivity))
    return known, tuple(one.reason for one in read if isinstance(one, Skipped))
