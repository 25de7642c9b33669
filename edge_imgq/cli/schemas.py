"""JSON schemas of what the commands print; `python -m edge_imgq.cli.schemas` writes them.

They are in `edge_imgq/schemas/`: one per command, one for errors, and one for the `contract.json`
of bundles. After a change of the output, raise VERSION and write them again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_type_hints

from edge_imgq.artifact import write_text

VERSION = 1
"""Version of all schemas; reports have one of their own, in `edge_imgq.report.report`."""

FOLDER = Path(__file__).parent.parent / "schemas"


def schema_path(name: str) -> Path:
    """Return the path of the shipped JSON schema of a command's output.

    `name` is a command, "error" for errors, or "contract" for the contract.json of a bundle.
    """
    return FOLDER / f"{name}.json"


def schemas() -> dict[str, dict[str, Any]]:
    """Generate the JSON schemas of what every command prints with `--json`, by command.

    Those of "error" and "contract" are among them. They follow from the types of the results; the
    files at `schema_path` must equal them.
    """
    from edge_imgq.report.json_schema import schema_of

    return {name: schema_of(kind, name, VERSION) for name, kind in _output_types().items()}


def _output_types() -> Mapping[str, Any]:
    """Return the type of every command's output, in the notation of `schema_of`."""
    from edge_imgq.bundle.contract import AppContract
    from edge_imgq.cli.validate import Validated
    from edge_imgq.models.listing import ModelRow
    from edge_imgq.pipeline.bundle.bundle_check import BundleFinding
    from edge_imgq.pipeline.enhance.enhance import Enhanced
    from edge_imgq.report.assessment import Assessment
    from edge_imgq.report.description import FileDescription
    from edge_imgq.report.evaluation import Evaluation
    from edge_imgq.report.finding import Finding
    from edge_imgq.report.history import HistoryEntry
    from edge_imgq.report.sensitivity import Sensitivity
    from edge_imgq.report.verdict import Verdict

    return {
        "export": _report(),
        "verify": [_report(), (_report(), ...)],
        "bench": _bench(),
        "check": {"passes": bool, "verdicts": tuple[Verdict, ...]},
        "bundle": [tuple[str, ...], tuple[BundleFinding, ...]],
        "history": tuple[HistoryEntry, ...],
        "align": _align(),
        "train": {
            "checkpoint": str,
            "step": int,
            "validation_psnr": float | None,
            "left_out": ({"path": str, "reason": str}, ...),
        },
        "evaluate": Evaluation,
        "assess": tuple[Assessment, ...],
        "enhance": tuple[Enhanced, ...],
        "sensitivity": Sensitivity,
        "models": tuple[ModelRow, ...],
        "inspect": FileDescription,
        "doctor": tuple[Finding, ...],
        "init": tuple[str, ...],
        "validate": tuple[Validated, ...],
        "contract": AppContract,
        "error": {"error": str, "exit_code": int},
    }


def _report() -> dict[str, Any]:
    """Return the type of a report, with the version of its schema."""
    from edge_imgq.report.report import SCHEMA, Report

    return {"schema": Literal[SCHEMA], **get_type_hints(Report)}


def _bench() -> list[Any]:
    """Return the types of measured times and of estimates."""
    from edge_imgq.bench.estimate import Comparison, NpuTimeEstimate
    from edge_imgq.bench.timing import Timing

    absent = ({"file": str, "skipped": str}, ...)
    estimates = {
        "estimates": tuple[NpuTimeEstimate, ...],
        "absent": absent,
        "published": tuple[Comparison, ...],
    }
    return [tuple[Timing, ...], estimates]


def _align() -> dict[str, Any]:
    """Return the type of an alignment's result, with its number of patches."""
    from edge_imgq.pipeline.align import AlignResult

    return {**get_type_hints(AlignResult), "patches": int}


if __name__ == "__main__":
    for name, schema in schemas().items():
        write_text(schema_path(name), json.dumps(schema, indent=1) + "\n")
