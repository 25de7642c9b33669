"""What `sensitivity` found, where it is of the float model that files were made from."""

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
    """Return what layers cost; why what lies in a folder does not tell; None where nothing does.

    Args:
        folder: a model's.
        reference_sha256: digest of the float reference that it must be of.
        calibration_sha256: of the calibration images that it must be of; "" for any.
    """
    path = folder / FILE
    try:
        found: Sensitivity = read_as(Sensitivity, read_json(path), str(path))
    except FileNotFoundError:
        return None
    except RecipeError:
        return Skipped(f"{path} is damaged or of another edge-imgq; {AGAIN}")
    if found.reference_sha256 != reference_sha256:
        return Skipped(f"{path} is of another float model than the files; {AGAIN}")
    if calibration_sha256 and found.calibration_sha256 != calibration_sha256:
        return Skipped(f"{path} is of other calibration images than the files; {AGAIN}")
    return found


AGAIN = "run `edge-imgq sensitivity` again, with the model and options of `export`"


def layers_of(folders: Mapping[Path, Report]) -> tuple[tuple[Sensitivity, ...], tuple[str, ...]]:
    """Return what layers cost for the models' folders that know it, and why others do not tell."""
    found = [
        known_sensitivity(folder, report.reference_sha256, report.calibration_sha256)
        for folder, report in folders.items()
    ]
    known = tuple(one for one in found if isinstance(one, Sensitivity))
    return known, tuple(one.reason for one in found if isinstance(one, Skipped))
