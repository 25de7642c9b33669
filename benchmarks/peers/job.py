"""What the scripts in this folder do for a peer; they run in the peer's own environment.

    python by_NAME.py JOBS

JOBS is a JSON file: a list of {"precision", "case", "out", "base"}. For each, the script writes the
.tflite file `out`, or, where the peer refuses, a text file beside it with the reason. One process
does all jobs, because importing a peer takes longer than converting a network; one that crashes is
started again with the jobs that are left (`benchmarks/conversion.py`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Job:
    """One file to write.

    Attributes:
        precision: "float" or "int8".
        case: a copy of the folder that `benchmarks/cases.py` wrote.
        out: the file to write.
        base: a float .tflite file that another peer wrote, for a peer that starts from one.
    """

    precision: str
    case: Path
    out: Path
    base: Path

    @property
    def model(self) -> Path:
        """The float ONNX file, of fixed size."""
        return self.case / "model.onnx"

    @property
    def calibration(self) -> Any:
        """The calibration images: float32 (N, H, W, C) in [0, 1]."""
        return np.load(self.case / "calibration.npy")


def work(convert: Callable[[Job], bytes]) -> None:
    """Do the jobs of the file that the command line names, each by `convert`."""
    for entry in json.loads(Path(sys.argv[1]).read_text()):
        paths = (Path(entry[key]) for key in ("case", "out", "base"))
        job = Job(entry["precision"], *paths)
        try:
            data = convert(job)
        except Exception as error:  # peers raise classes of their own
            job.out.with_suffix(".txt").write_text(f"{type(error).__name__}: {error}")
            continue
        unfinished = job.out.with_suffix(".part")
        unfinished.write_bytes(data)
        unfinished.rename(job.out)
