"""Measure files again for `check`, with a cache.

A measurement depends on the file, its references, the images, the budget, the runtime versions and
the processor type. The cache key is a digest of all of these, so entries never become stale.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_imgq.artifact import REFERENCE_FOLDER, sha256_of, write_text
from edge_imgq.errors import OutputError, RecipeError
from edge_imgq.formats import FORMATS
from edge_imgq.pipeline.progress import Watch
from edge_imgq.pipeline.verify.references import Candidate
from edge_imgq.pipeline.verify.verify import Terms, verify_files
from edge_imgq.report.json_file import read_json
from edge_imgq.report.json_form import to_json
from edge_imgq.report.report import SCHEMA, NotRun, TargetReport
from edge_imgq.report.typed import plain, read_as
from edge_imgq.runtime.versions import runtime_versions
from edge_imgq.version import __version__


@dataclass(frozen=True)
class Job:
    """A file to measure.

    Attributes:
        path: path of the file.
        sha256: digest of the file.
        size: (height, width) at which memory is counted; None for the file's own.
    """

    path: Path
    sha256: str
    size: tuple[int, int] | None


def cache_folder() -> Path:
    """Return the path of the cache of measurements, ~/.cache/edge-imgq/check; it may not exist."""
    return Path.home() / ".cache" / "edge-imgq" / "check"


def remeasure(
    folder: Path, jobs: Sequence[Job], terms: Terms, cache: Path | None, watch: Watch
) -> dict[Path, TargetReport | NotRun]:
    """Measure files against the references of a model's folder; cached files do not run.

    New measurements are added to the cache, keyed by the digests of file and references, the images
    and the versions.

    Args:
        folder: folder with `reference/`.
        jobs: files, which may be stored elsewhere.
        terms: verification settings.
        cache: folder of cached measurements; None for none.
        watch: called before each step.

    Returns:
        The figures of every file by path, or the reason why it did not run.

    Raises:
        ModelError: the references are missing or damaged.
        ImageError: an image cannot be read or is too small.
    """
    keys = {job.path: _key(folder, job, terms) for job in jobs}
    cached = {path: _read(cache, key) for path, key in keys.items()}
    known: dict[Path, TargetReport | NotRun] = {
        path: value for path, value in cached.items() if value is not None
    }
    left = [job for job in jobs if job.path not in known]
    if not left:
        return known
    report = verify_files(folder, [Candidate(job.path, job.size) for job in left], terms, watch)
    of_file = {target.sha256: target for target in report.targets}
    not_run = {file.file: file for file in report.not_run}
    for job in left:
        value = of_file.get(job.sha256) or not_run[job.path.name]
        known[job.path] = value
        if isinstance(value, TargetReport):
            _write(cache, keys[job.path], value)
    return known


def _key(folder: Path, job: Job, terms: Terms) -> str:
    """Return the SHA-256 of everything that a measurement depends on."""
    references = sorted((folder / REFERENCE_FOLDER).glob("*.onnx"))
    depends: dict[str, Any] = {
        "schema": SCHEMA,
        "edge-imgq": __version__,
        "packages": plain(runtime_versions()),
        "machine": [platform.system(), platform.machine()],
        "file": job.sha256,
        "size": job.size,
        "references": [(path.name, sha256_of(path)) for path in references],
        # A file may need a larger multiple, which the others are then measured at.
        "beside": sorted(
            sha256_of(path)
            for row in FORMATS.values()
            if row.raises_multiple
            for path in folder.glob(f"*{row.suffix}")
        ),
        "images": terms.images.sha256,
        "budgets": {name: plain(budget) for name, budget in sorted(terms.budgets.items())},
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()


def _read(cache: Path | None, key: str) -> TargetReport | None:
    """Return a cached measurement; None if it is missing or damaged."""
    if cache is None:
        return None
    try:
        report: TargetReport = read_as(TargetReport, read_json(cache / f"{key}.json"), key)
    except (FileNotFoundError, RecipeError):
        return None
    return report


def _write(cache: Path | None, key: str, value: TargetReport) -> None:
    """Cache a measurement; a folder that cannot be written is ignored."""
    if cache is None:
        return
    try:
        write_text(cache / f"{key}.json", to_json(plain(value)))
    except OutputError:
        return
