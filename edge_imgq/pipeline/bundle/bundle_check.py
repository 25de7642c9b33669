"""Check a bundle's statements against its files, which are opened, run and measured again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, sha256_of
from edge_imgq.bundle import contract, model_card
from edge_imgq.bundle.archive import SUMS, read_sums
from edge_imgq.bundle.contract import AppContract, DriftContract
from edge_imgq.bundle.photo import from_netpbm
from edge_imgq.bundle.port_contract import PortedContract
from edge_imgq.contract import Authorship
from edge_imgq.errors import EdgeImgqError, ModelError, RecipeError, UsageError
from edge_imgq.pipeline.bundle import reproduce_commands
from edge_imgq.pipeline.bundle.bundle import drift_of
from edge_imgq.pipeline.bundle.bundle_contents import (
    LOCK,
    MODELS,
    Contents,
    Facts,
    contents,
    model_files,
    packages_of,
)
from edge_imgq.pipeline.check.measured_by_report import note_of
from edge_imgq.pipeline.exported_files import exported_files
from edge_imgq.pipeline.image_selection import Images, evaluation_images
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.pipeline.verify.references import Candidate
from edge_imgq.pipeline.verify.verify import Terms, verify_files
from edge_imgq.report.json_file import read_json
from edge_imgq.report.typed import plain, read_as
from edge_imgq.skipped import Skipped
from edge_imgq.version import __version__
from edge_imgq.wording import count_of

State = Literal["same", "differs", "skipped"]

DRIFT_TOLERANCE = 0.15
"""Tolerance in dB: figures have one decimal, and processors round float sums differently."""


@dataclass(frozen=True)
class BundleFinding:
    """Result of checking one statement of a bundle.

    Attributes:
        what: a file, or a key of `contract.json` with the keys above it.
        state: "same" if it agrees with the files, "differs", or "skipped" if it cannot be checked
            here.
        detail: the difference, or why it was skipped; "" if the same.
    """

    what: str
    state: State
    detail: str = ""


def check_bundle(
    folder: Path, images: Images | None, watch: Watch, *, measures: bool = True
) -> tuple[BundleFinding, ...]:
    """Check every statement of a bundle: each one is "same", "differs" or "skipped".

    Drift is the same within 0.15 dB. A contract that cannot be read or made again is a finding.

    Args:
        folder: folder of the bundle.
        images: images that drift was measured on; None for those of the manifest.
        watch: called before each step.
        measures: True to measure drift again, by running every file on every image.

    Raises:
        UsageError: the folder holds no bundle.
        ModelError: a graph that a model file was made from is missing.
        ImageError: an image cannot be read, or is too small.
    """
    if not (folder / contract.FILE).is_file():
        raise UsageError(
            f"{folder} holds no {contract.FILE}: it is not a bundle that `edge-imgq bundle` wrote."
        )
    watch(ProgressStep("compare digests", 0, 1))
    findings = [*_digests(folder)]
    try:
        said = _read_contract(folder)
        made = _made_again(folder, said, watch)
    except EdgeImgqError as error:
        return (*findings, BundleFinding(contract.FILE, "differs", str(error)))
    findings += _differences(plain(made.contract), plain(said), contract.FILE)
    told = {finding.what for finding in findings if finding.state == "differs"}
    findings += (file for file in _files(folder, made, said) if file.what not in told)
    findings += _reference(folder, said)
    return (*findings, *(_drifts(folder, said, images, watch) if measures else ()))


def _digests(folder: Path) -> Iterator[BundleFinding]:
    """Compare each file with its digest in the list of checksums."""
    listed: dict[str, str] = {}
    try:
        listed = read_sums((folder / SUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecipeError) as error:
        yield BundleFinding(SUMS, "differs", f"it cannot be read: {error}")
        return
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    for name in sorted({*listed, *files} - {SUMS}):
        if name not in files:
            yield BundleFinding(name, "differs", "it is not there")
        elif name not in listed:
            yield BundleFinding(name, "differs", f"{SUMS} does not list it")
        elif hashlib.sha256(files[name].read_bytes()).hexdigest() != listed[name]:
            yield BundleFinding(name, "differs", f"its digest is not that of {SUMS}")
        else:
            yield BundleFinding(name, "same")


def _read_contract(folder: Path) -> AppContract:
    """Parse the contract strictly.

    Raises:
        RecipeError: a key is missing, unknown or of another type, or the schema version differs.
    """
    where = str(folder / contract.FILE)
    said = read_json(folder / contract.FILE)
    kind = PortedContract if isinstance(said, dict) and "photograph" in said else AppContract
    made: AppContract = read_as(kind, said, where)
    if made.schema != contract.SCHEMA:
        raise RecipeError(
            f"{where} has schema {made.schema}, and this version reads {contract.SCHEMA}. Write "
            "the bundle again, or check it with the version that wrote it."
        )
    return made


def _made_again(folder: Path, said: AppContract, watch: Watch) -> Contents:
    """Regenerate the contents of a bundle from its files, and from facts that files do not state.

    Raises:
        ModelError: a file is damaged or missing.
    """
    facts = Facts(
        drifts={file.target: file.drift for file in said.files},
        measured_on=said.measured_on,
        measured_on_sha256=said.measured_on_sha256,
        calibration=said.calibration,
        calibration_sha256=said.calibration_sha256,
        author=said.author,
        licence=said.licence,
        model_version=said.model_version,
        warnings=said.warnings,
        card=_text(folder / model_card.FILE),
        lock=_text(folder / LOCK),
        command=_text(folder / reproduce_commands.FILE),
    )
    models = folder / MODELS
    return contents(models, exported_files((models,)), facts, watch)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}.") from error


def _differences(made: Any, said: Any, where: str) -> Iterator[BundleFinding]:
    """Compare two contracts key by key."""
    if isinstance(made, dict) and isinstance(said, dict):
        for key in dict.fromkeys((*made, *said)):
            yield from _differences(made.get(key), said.get(key), f"{where} {key}")
    elif isinstance(made, list) and isinstance(said, list) and len(made) == len(said):
        for index, pair in enumerate(zip(made, said, strict=True)):
            yield from _differences(*pair, f"{where} {_name(pair[0], index)}")
    elif made == said:
        yield BundleFinding(where, "same")
    else:
        detail = f"it says {_in_words(said)}; the files say {_in_words(made)}"
        yield BundleFinding(where, "differs", detail)


def _in_words(value: Any) -> str:
    """Return a value as JSON; for a list of objects, their number."""
    if isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        return count_of(len(value), "thing")
    return json.dumps(value, ensure_ascii=False)


def _name(entry: Any, index: int) -> str:
    """Return the target of a list's entry, else its index."""
    return str(entry.get("target", index)) if isinstance(entry, dict) else str(index)


def _files(folder: Path, made: Contents, said: AppContract) -> Iterator[BundleFinding]:
    """Compare every other file with the regenerated one."""
    models = folder / MODELS
    known = {*made.files, *model_files(models, exported_files((models,))), SUMS}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in known:
            yield BundleFinding(name, "differs", "no bundle holds it")
    for name, expected in made.files.items():
        path = folder / name
        if name == contract.FILE:
            continue  # compared key by key
        if not path.is_file():
            yield BundleFinding(name, "differs", "it is not there")
        elif path.read_bytes() == expected:
            yield BundleFinding(name, "same")
        elif name.startswith("vectors/") and name.endswith((".pgm", ".ppm", ".pnm")):
            yield _picture(name, path.read_bytes(), expected)
        elif said.edge_imgq != __version__:
            yield BundleFinding(
                name, "skipped", f"edge-imgq {said.edge_imgq} wrote it, and this is {__version__}"
            )
        else:
            yield BundleFinding(name, "differs", "the files and the contract give another")


def _picture(name: str, said: bytes, expected: bytes) -> BundleFinding:
    """Compare an image with the regenerated one; results of float files may differ by one level."""
    try:
        one, other = (from_netpbm(contents).astype(np.int16) for contents in (said, expected))
    except ValueError:
        return BundleFinding(name, "differs", "it is not whole")
    exact = "photo." in name or "/input-" in name or "int8" in name
    largest = int(np.abs(one - other).max()) if one.shape == other.shape else 255
    if largest > (0 if exact else 1):
        by = count_of(largest, "level")
        return BundleFinding(name, "differs", f"the file gives another image, by up to {by}")
    return BundleFinding(name, "same")


def _reference(folder: Path, said: AppContract) -> Iterator[BundleFinding]:
    """Compare versions, authorship and the digest of the float model with those of the files."""
    version = packages_of(_text(folder / LOCK)).get("edge-imgq", said.edge_imgq)
    if version != said.edge_imgq:
        yield BundleFinding(LOCK, "differs", f"edge-imgq {said.edge_imgq} wrote the files")
    for file in exported_files((folder / MODELS,)):
        if note_of(file).authorship.is_stated:
            yield from _authorship(file.name, note_of(file).authorship, said)
    path = folder / MODELS / REFERENCE_FOLDER / FLOAT_REFERENCE
    if sha256_of(path) != said.reference_sha256:
        yield BundleFinding(
            f"{contract.FILE} reference_sha256", "differs", "the float model is another"
        )


def _authorship(file: str, stated: Authorship, said: AppContract) -> Iterator[BundleFinding]:
    """Compare the authorship in a file's note with that in the contract."""
    pairs = {
        "author": (said.author, stated.author),
        "licence": (said.licence, stated.licence),
        "model_version": (said.model_version, stated.version),
    }
    for key, (ours, its) in pairs.items():
        if ours != its:
            detail = f"it says {_in_words(ours)}; {file} states {_in_words(its)}"
            yield BundleFinding(f"{contract.FILE} {key}", "differs", detail)


def _drifts(
    folder: Path, said: AppContract, images: Images | None, watch: Watch
) -> Iterator[BundleFinding]:
    """Measure drift again if the images are those of the original measurement; else skip."""
    chosen = evaluation_images(images)
    if chosen.sha256 != said.measured_on_sha256:
        detail = f"it was measured on {said.measured_on}: name their folder with --images"
        yield BundleFinding("drift", "skipped", detail)
        return
    models = folder / MODELS
    candidates = [Candidate(path, None) for path in exported_files((models,))]
    terms = Terms(chosen, {}, threads=1, keep_going=True, timed=False)
    report = verify_files(models, candidates, terms, watch)
    measured = {target.target: drift_of(target) for target in report.targets}
    for file in said.files:
        yield from _drift(file.target, file.drift, measured)


def _drift(
    target: str, said: DriftContract | Skipped, measured: Mapping[str, DriftContract]
) -> Iterator[BundleFinding]:
    """Compare each drift figure of a file with the new measurement."""
    what = f"drift of {target}"
    if isinstance(said, Skipped) or target not in measured:
        yield BundleFinding(what, "skipped", "the file does not run here")
        return
    now = measured[target]
    pairs = {
        "vs_float": (said.vs_float, now.vs_float),
        "vs_float_worst": (said.vs_float_worst, now.vs_float_worst),
        "lost": (said.lost, now.lost),
    }
    differing = {key: pair for key, pair in pairs.items() if not _is_near(*pair)}
    for key, (before, here) in differing.items():
        detail = f"it says {_in_db(before)}; measured here: {_in_db(here)}"
        yield BundleFinding(f"{what} {key}", "differs", detail)
    if not differing:
        yield BundleFinding(what, "same")


def _is_near(one: float | Skipped, other: float | Skipped) -> bool:
    if isinstance(one, Skipped) or isinstance(other, Skipped):
        return isinstance(one, Skipped) == isinstance(other, Skipped)
    return abs(one - other) <= DRIFT_TOLERANCE


def _in_db(figure: float | Skipped) -> str:
    return f"nothing ({figure.reason})" if isinstance(figure, Skipped) else f"{figure:.1f} dB"
