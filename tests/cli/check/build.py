"""Targets of the small project, and what a check of it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Outcome, Run

Verdicts = dict[str, dict[str, Any]]


INT8, FLOAT = "tflite-int8", "tflite-float"


def check(run: Run, project: Path, *words: object) -> Outcome:
    return run("check", project / "tiny", "--baseline", project / "baseline.json", *words)


def verdicts(outcome: Outcome) -> Verdicts:
    return {verdict["target"]: verdict for verdict in json.loads(outcome.out)["verdicts"]}
