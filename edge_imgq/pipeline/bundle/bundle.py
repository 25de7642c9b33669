"""Write a bundle for app developers from the folder of an export."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, staging
from edge_imgq.bundle.archive import SUMS, sums, zipped
from edge_imgq.bundle.contract import DriftContract
from edge_imgq.bundle.model_card import FILE as MODEL_CARD
from edge_imgq.bundle.model_card import NO_CARD, NO_DATA, data_sets
from edge_imgq.ci.installation import constraints, python_version
from edge_imgq.contract import Authorship
from edge_imgq.errors import DriftError, UsageError
from edge_imgq.models.zoo import ZOO, card_path
from edge_imgq.pipeline.bundle.bundle_contents import Facts, contents, model_files
from edge_imgq.pipeline.bundle.bundle_destination import archive_beside, replaced, stale_zip
from edge_imgq.pipeline.bundle.file_selection import choose, left_out
from edge_imgq.pipeline.bundle.reproduce_commands import Files, command_again
from edge_imgq.pipeline.check.measured_by_report import not_vouched_for, note_of, other_reference
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.pipeline.progress import Watch
from edge_imgq.report.json_form import FILE as REPORT
from edge_imgq.report.json_form import read_report
from edge_imgq.report.quality_text import network_warnings
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.versions import runtime_versions
from edge_imgq.skipped import Skipped
from edge_imgq.version import __version__

if TYPE_CHECKING:
    import onnx_ir as ir

LOCK_HEADING = "# The versions that made the files of this bundle, with Python {python}."


@dataclass(frozen=True)
class BundleRequest:
    """Arguments of `bundle`.

    Attributes:
        folder: folder of one model written by `export`.
        output: folder of the bundle; an unmodified bundle of the same model is replaced.
        targets: names, globs or families of files; all if empty.
        zipped: True to also write the bundle as a zip file beside the folder.
        card: Markdown model card of a network that does not ship; None for none.
        author: author to state; "" for the one that the files state.
        licence: licence of the weights to state; "" for the one that the files state.
        model_version: version of the model to state; "" for the one that the files state.
    """

    folder: Path
    output: Path
    targets: tuple[str, ...] = ()
    zipped: bool = False
    card: Path | None = None
    author: str = ""
    licence: str = ""
    model_version: str = ""


@dataclass(frozen=True)
class WrittenBundle:
    """A bundle that was written.

    Attributes:
        paths: files of the bundle, and its zip file if any.
        remarks: sentences on replaced files and on files that were left out.
    """

    paths: tuple[Path, ...]
    remarks: tuple[str, ...]


def bundle(request: BundleRequest, watch: Watch) -> WrittenBundle:
    """Write a bundle of model files, contract, code and test vectors, atomically.

    An unmodified bundle of the same model is replaced. `watch` is called before each step.

    Raises:
        UsageError: the folder has no report or no such file; or `output` is not a bundle, or is
            that of another model, or has files added or changed.
        DriftError: a file is not the one that the report measured.
        ModelError: a file is damaged, or its references are missing.
        OutputError: the bundle cannot be written.
        RecipeError: the report cannot be read.
        RuntimeUnavailableError: the runtime of a file is not installed.
    """
    report = read_report(_report_path(request.folder))
    remarks = replaced(request.output, report.model, with_zip=request.zipped)
    _refuse_other_versions(report)
    chosen = choose(request.folder, report, request.targets)
    paths = [request.folder / target.file for target in chosen]
    _refuse_unvouched(request.folder, report, chosen)
    remarks += left_out(request.folder, report, request.targets)
    facts = _facts(request, report, chosen, paths)
    made = contents(request.folder, paths, facts, watch)
    files = {**model_files(request.folder, paths), **made.files}
    files[SUMS] = sums(files)
    name, parent = request.output.name, request.output.absolute().parent
    with staging(parent) as stage:
        for path, written in files.items():
            (stage / name / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / name / path).write_bytes(written)
        if request.zipped:
            (stage / f"{name}.zip").write_bytes(zipped(files, name))
    if request.card and not data_sets(facts.card):
        remarks += (NO_DATA.format(card=request.card),)
    archive = (archive_beside(request.output),) if request.zipped else ()
    whole = (*(request.output / path for path in sorted(files)), *archive)
    return WrittenBundle(whole, remarks + stale_zip(request.output, files))


def drift_of(target: TargetReport) -> DriftContract:
    """Return a file's PSNR to the float model and its drop, in dB, rounded to one decimal.

    Rounded, because processors differ in later decimals. The drop is `Skipped` where no truth is
    known; its reason is without what it tells the one who exports to do, after a semicolon.
    """
    drop = target.drop
    if isinstance(drop, Skipped):
        drop = Skipped(drop.reason.partition(";")[0])
    return DriftContract(
        vs_float=round(target.vs_reference.mean, 1),
        vs_float_worst=round(target.vs_reference.worst, 1),
        lost=drop if isinstance(drop, Skipped) else round(drop.mean, 1) + 0.0,
        runtime=target.runtime,
    )


def _report_path(folder: Path) -> Path:
    path = folder / REPORT
    if not path.is_file():
        raise UsageError(
            f"{folder} holds no {REPORT}: name the folder of one model, which `edge-imgq export` "
            "wrote, such as artifacts/fsrcnn-x2."
        )
    return path


def _refuse_other_versions(report: Report) -> None:
    """Raise if files were made with package versions other than those installed.

    Raises:
        UsageError: a version differs.
    """
    here = {package.name: package.version for package in runtime_versions()}
    made = {package.name: package.version for package in report.versions}
    made["edge-imgq"], here["edge-imgq"] = report.version, __version__
    for name in sorted(made.keys() & here.keys()):
        if made[name] != here[name]:
            raise UsageError(
                f"The files were made with {name} {made[name]}, and here is {here[name]}: a bundle "
                "states what made it. Export the model again, or bundle with those versions."
            )


def _refuse_unvouched(folder: Path, report: Report, chosen: Sequence[TargetReport]) -> None:
    """Raise if a file is not the one in the report.

    Raises:
        DriftError: a file differs.
    """
    other = other_reference(folder, report)
    for target in chosen:
        path = folder / target.file
        if why := not_vouched_for(path, report, target, other):
            raise DriftError(
                f"{path}: {why.reasons[0]}. Export the model again, so that files and report agree."
            )


def _facts(
    request: BundleRequest, report: Report, chosen: Sequence[TargetReport], paths: Sequence[Path]
) -> Facts:
    quantized = any(target.quantized_sha256 for target in chosen)
    reference = request.folder / REFERENCE_FOLDER / FLOAT_REFERENCE
    ships = is_shipped(report.model, reference)
    stated = note_of(paths[0]).authorship
    files = Files(chosen, sizes_of(paths), _options(request), _stated(stated))
    return Facts(
        drifts={target.target: drift_of(target) for target in chosen},
        measured_on=report.evaluation,
        measured_on_sha256=report.evaluation_sha256,
        calibration=report.calibration if quantized else "",
        calibration_sha256=report.calibration_sha256 if quantized else "",
        author=request.author or stated.author,
        licence=request.licence or stated.licence,
        model_version=request.model_version or stated.version,
        warnings=network_warnings(report),
        card=_card(request.card, report.model, ships=ships),
        lock=constraints(
            LOCK_HEADING.format(python=python_version()), (p.name for p in report.versions)
        ),
        command=command_again(report, note_of(reference), files, ships=ships),
    )


def is_shipped(model: str, reference: Path) -> bool:
    """Return True if a float model has the name and the exact weights of a network that ships.

    Args:
        model: name of the model.
        reference: path of its float ONNX file; only read if the name is that of a shipped network.
    """
    import onnx_ir as ir

    if model not in ZOO:
        return False
    ours, theirs = (_weights(graph) for graph in (open_model(model).model, ir.load(reference)))
    return ours == theirs


def _weights(model: ir.Model) -> list[bytes]:
    arrays = (v.const_value for v in model.graph.initializers.values())
    return sorted(array.numpy().tobytes() for array in arrays if array is not None)


def sizes_of(paths: Sequence[Path]) -> tuple[tuple[int, int], ...]:
    """Return the distinct (height, width) sizes that files were written for.

    Files of open size add none. Each file is opened in its runtime.

    Raises:
        RuntimeUnavailableError: a runtime is not installed.
        ModelError: a file is damaged.
    """
    sizes = (size for path in paths for size in open_session(path, 1).sizes)
    return tuple(dict.fromkeys(sizes))


def _card(given: Path | None, model: str, *, ships: bool) -> str:
    """Return the user's model card, that of a network that ships, or a template.

    Raises:
        UsageError: the user's card is missing or no text.
    """
    path = given or (card_path(model) if ships else None)
    if path is None:
        return NO_CARD.format(model=model)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as a model card, a text: {error}.") from error


def _stated(stated: Authorship) -> list[str]:
    """Return the options of `edge-imgq export` that state an authorship, quoted for the shell."""
    pairs = {
        "--author": stated.author,
        "--license": stated.licence,
        "--model-version": stated.version,
    }
    return [shlex.quote(word) for pair in pairs.items() if pair[1] for word in pair]


def _options(request: BundleRequest) -> list[str]:
    """Return the options of `edge-imgq bundle` that a request stands for, quoted for the shell."""
    said = _stated(Authorship(request.author, request.licence, request.model_version))
    return [*said, *(["--card", f'"$bundle/{MODEL_CARD}"'] if request.card else [])]
