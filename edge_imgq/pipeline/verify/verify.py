"""Verify files: reopen each from disk, measure its drift, and report it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import REFERENCE_FOLDER
from edge_imgq.devices.find_device import NO_OPTIONS, find_device
from edge_imgq.devices.gpu.device import GpuDevice, GpuSession
from edge_imgq.devices.host import HostDevice, HostSession
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.errors import (
    NOT_MADE_FOR,
    DeviceError,
    EdgeImgqError,
    FaultError,
    ModelError,
    RuntimeUnavailableError,
    UnopenedFileError,
    UnsupportedOperatorError,
)
from edge_imgq.images.samples import ImageSet, samples
from edge_imgq.pipeline.check.measured_by_report import with_changes
from edge_imgq.pipeline.image_selection import Images, evaluation_images
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.pipeline.verify.gpu_check import gpu_drift
from edge_imgq.pipeline.verify.measure_drift import measure_drifts
from edge_imgq.pipeline.verify.references import Candidate, ComparedFile, References
from edge_imgq.pipeline.verify.target_report import size_to_time, target_report
from edge_imgq.pipeline.verify.worst_images import NOTHING_KEPT, WorstImages
from edge_imgq.recipe.export import Budget, recipe_name
from edge_imgq.recipe.folders import valid_recipes
from edge_imgq.report.report import NOT_LOOKED_AT, NotRun, Report, TargetReport
from edge_imgq.runtime.protocol import FloatSession
from edge_imgq.runtime.versions import runtime_versions
from edge_imgq.skipped import Skipped
from edge_imgq.verify.budget import IN_FLOAT16, breaches, clipped, no_picture
from edge_imgq.verify.drift import Drift
from edge_imgq.verify.gpu_drift import NOT_ON_GPU, GpuDrift
from edge_imgq.verify.output_range import OutputRange, OutputValues

if TYPE_CHECKING:
    from edge_imgq.contract import ImageContract
    from edge_imgq.devices.latency import Latency
    from edge_imgq.devices.protocol import Device, DeviceSession

NEVER_THERE = (DeviceError, UnsupportedOperatorError)
"""Errors reported even for a single file: the file is intact, but the device cannot run it."""

NO_PICTURE = Skipped("the result is not a picture")

NOT_TIMED = Skipped("not timed: --no-bench")


@dataclass(frozen=True)
class VerifyRequest:
    """Arguments of `verify`.

    Attributes:
        paths: files written by `export`.
        images: images to measure on; None for those of the manifest.
        threads: processor threads.
        device: name of the device that runs the files; the references run on this host.
        options: further options of the device.
        pictures: folder for pictures of the worst images; None for none.
        timed: True to measure latency.
        reference: folder of the model with the references of all files; None for each file's own.
    """

    paths: tuple[Path, ...]
    images: Images | None = None
    threads: int = 1
    device: str = "host"
    options: DeviceOptions = NO_OPTIONS
    pictures: Path | None = None
    timed: bool = True
    reference: Path | None = None


@dataclass(frozen=True)
class Terms:
    """Settings of a verification, independent of the files.

    Attributes:
        images: images to measure drift on.
        budgets: budget by target; a target without one cannot exceed it.
        threads: processor threads.
        device: device that runs the files.
        worst_images: receives every image; the caller writes it.
        keep_going: True to report files that cannot be opened and verify the others.
        just_written: True if a file that cannot be opened is a bug in edge-imgq, not damage.
        timed: True to measure latency.
        began: monotonic time in seconds when the command began; on this host, measuring latency
            takes at most as long as everything before.
    """

    images: ImageSet
    budgets: Mapping[str, Budget]
    threads: int
    device: Device | Skipped = field(default_factory=HostDevice)
    worst_images: WorstImages = NOTHING_KEPT
    keep_going: bool = False
    just_written: bool = False
    timed: bool = True
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Verified:
    """Figures of the files of one model.

    Attributes:
        folder: folder of the files.
        report: report on them.
        worst_images: worst images of each file.
    """

    folder: Path
    report: Report
    worst_images: WorstImages


def verify(request: VerifyRequest, watch: Watch) -> tuple[Verified, ...]:
    """Measure the drift in dB and the latency of existing files; return one result per folder.

    Drift is measured against the references beside the files. Files that do not run, and (of
    several) those that are damaged or were made from other references, are reported with the
    reason. `watch` is called before each step.

    Raises:
        ModelError: the only file is damaged, or its references are missing or do not match.
        UsageError: the device does not exist.
        ImageError: an image cannot be read or is too small.
        NonFiniteOutputError: a reference returns NaN or infinity.
    """
    device = find_device(request.device, request.options)
    terms = Terms(
        images=evaluation_images(request.images),
        budgets=_budgets(device, request.paths),
        threads=request.threads,
        device=device,
        keep_going=len(request.paths) > 1,
        timed=request.timed,
    )
    verified = []
    for folder, files in _by_folder(request).items():
        kept = WorstImages(request.pictures, keeps=True)
        candidates = [Candidate(path, None) for path in files]
        report = verify_files(folder, candidates, replace(terms, worst_images=kept), watch)
        kept.write()
        name = request.device if isinstance(device, Skipped) else device.name
        verified.append(Verified(folder, replace(with_changes(folder, report), device=name), kept))
    return tuple(verified)


def _budgets(device: Device | Skipped, paths: Sequence[Path]) -> dict[str, Budget]:
    """Return the budget of each target: its recipe's, or on a GPU that of float16."""
    needed = [path.stem for path in paths]
    budgets = {recipe.name: recipe.budget for recipe in valid_recipes(needed)}
    return dict.fromkeys(budgets, IN_FLOAT16) if isinstance(device, GpuDevice) else budgets


def verify_files(
    folder: Path, candidates: Sequence[Candidate], terms: Terms, watch: Watch
) -> Report:
    """Measure the drift and latency of one model's files; files that fail are in `not_run`.

    Args:
        folder: folder of the model, with `reference/`; files may be elsewhere.
        candidates: files.
        terms: images, budgets, device and threads.
        watch: called before each step.

    Raises:
        ModelError: references are missing or damaged, or a file is and `keep_going` is False.
        ImageError: an image cannot be read or is too small.
        NonFiniteOutputError: a reference returns NaN or infinity.
    """
    # A staging folder has a hidden name.
    whose = "" if terms.just_written else f" of {folder.absolute().name}"
    watch(ProgressStep(f"open the files{whose}", 0, 1))
    references = References(folder, terms.threads)
    not_run: dict[Path, NotRun] = {}
    with ExitStack() as stack:
        opened = _open(references, candidates, terms, not_run, stack)
        contract = _common_contract(references, opened)
        values = OutputValues()
        drifts = measure_drifts(
            references, opened, terms.images, contract, watch, not_run, terms.worst_images, values
        )
        if terms.just_written:
            _blame(not_run)
        value_range = NOT_LOOKED_AT if values.is_empty else values.range()
        pixels = value_range if contract.returns_image else NO_PICTURE
        targets = _targets(folder, opened, drifts, terms, not_run, pixels, watch)
    note = references.float.note
    return Report(
        model=note.model,
        version=note.version,
        contract=note.contract,
        parameters=references.parameters,
        reference_sha256=references.sha256,
        graph_sha256=references.graph_sha256,
        calibration="",
        calibration_sha256="",
        evaluation=terms.images.description,
        evaluation_sha256=terms.images.sha256,
        versions=runtime_versions(),
        targets=tuple(targets),
        not_run=tuple(not_run.values()),
        output_range=value_range,
        advice=clipped(pixels),
        original=references.original,
    )


def _open(
    references: References,
    candidates: Sequence[Candidate],
    terms: Terms,
    not_run: dict[Path, NotRun],
    stack: ExitStack,
) -> list[ComparedFile]:
    """Open files on the device of `terms`; `stack` closes them.

    `not_run` receives files that the device does not run, with the reason. With `terms.keep_going`
    it receives damaged files too, which are raised otherwise.
    """
    device = terms.device
    noted = (RuntimeUnavailableError, ModelError) if terms.keep_going else NEVER_THERE
    opened = []
    for candidate in candidates:
        path = candidate.path
        if isinstance(device, Skipped):
            not_run[path] = NotRun(path.name, device.reason, RuntimeUnavailableError.exit_code)
            continue
        if refusal := device.refusal(path):
            not_run[path] = NotRun(path.name, refusal, NOT_MADE_FOR)
            continue
        try:
            file = references.open(candidate, device)
        except noted as error:
            not_run[path] = _not_run(path, error, terms)
            continue
        stack.callback(file.session.close)
        opened.append(file)
    return opened


def _not_run(path: Path, error: EdgeImgqError, terms: Terms) -> NotRun:
    """Return the report of a file that did not open."""
    reason = str(error)
    if terms.just_written and isinstance(error, UnopenedFileError):
        reason = error.reason
    return NotRun(path.name, reason, error.exit_code)


def _blame(not_run: dict[Path, NotRun]) -> None:
    """Report files that were just written and do not run as bugs in edge-imgq, in place."""
    for path, file in not_run.items():
        if file.exit_code == ModelError.exit_code:
            reason = (
                "its runtime does not run the file that edge-imgq wrote: "
                f"{file.reason.rstrip('.')}. This is a fault in edge-imgq, not in your model; "
                "please report it."
            )
            not_run[path] = NotRun(file.file, reason, FaultError.exit_code)


def _targets(
    folder: Path,
    opened: Sequence[ComparedFile],
    drifts: Mapping[Path, Drift],
    terms: Terms,
    not_run: dict[Path, NotRun],
    values: OutputRange | Skipped,
    watch: Watch,
) -> list[TargetReport]:
    """Time every file that ran on all images, and assemble its report.

    The time that remains is shared equally among the files.
    """
    targets = []
    own = [file.session.size for file in opened if file.session.size]
    measured = [file for file in opened if file.path in drifts]
    now = time.monotonic()
    end = 2 * now - terms.began
    for index, file in enumerate(measured):
        target = file.session.note.target
        if terms.timed and file.session.identity.is_device_runtime:
            watch(ProgressStep(f"time {target}", index, len(measured)))
        budget = terms.budgets.get(target, terms.budgets.get(recipe_name(target)))
        drift = drifts[file.path]
        exceeded = no_picture(values)
        if budget:
            exact = file.session.is_bit_exact
            exceeded += breaches(drift, budget, exact, in_float=file.in_float)
        try:
            size = size_to_time(file, own)
            share = (end - time.monotonic()) / (len(measured) - index)
            latency = _latency(file.session, size, share) if terms.timed else NOT_TIMED
            gpu = _on_gpu(file, terms, watch)
            exceeded += () if isinstance(gpu, Skipped) else gpu.breaches
            targets.append(target_report(folder, file, drift, budget, exceeded, size, latency, gpu))
        except DeviceError as error:
            not_run[file.path] = NotRun(file.path.name, str(error), error.exit_code)
    return targets


def _latency(session: DeviceSession, size: tuple[int, int], seconds: float) -> Latency | Skipped:
    """Time a file; on this host, for at most some seconds."""
    if isinstance(session, HostSession):
        return session.latency(size, seconds=seconds)
    return session.latency(size)


def _on_gpu(file: ComparedFile, terms: Terms, watch: Watch) -> GpuDrift | Skipped:
    """Compare a file on the GPU with this host, in float16 and float32, on the first image."""
    if not isinstance(file.session, GpuSession) or not isinstance(file.host, FloatSession):
        return NOT_ON_GPU
    note = file.session.note
    watch(ProgressStep(f"{note.target} in float16 and float32", 0, 1))
    sample = next(iter(samples(terms.images, note.contract, file.session.size)))
    return gpu_drift(file.session, file.host, sample, file.session.bisects)


def _common_contract(references: References, opened: Sequence[ComparedFile]) -> ImageContract:
    """Return a contract with a multiple that fits every file of the folder.

    Files that are not verified count too, so the figures of a file do not depend on the others that
    are verified with it.
    """
    contract = references.float.note.contract
    asked = {file.session.note.contract.multiple for file in opened} | references.multiples()
    return replace(contract, multiple=lcm(contract.multiple, *asked))


def _by_folder(request: VerifyRequest) -> dict[Path, list[Path]]:
    """Group files by folder, or assign all of them to the requested reference folder."""
    if request.reference is not None:
        folder = request.reference
        return {folder.parent if folder.name == REFERENCE_FOLDER else folder: [*request.paths]}
    folders = dict.fromkeys(path.parent for path in request.paths)
    return {folder: [path for path in request.paths if path.parent == folder] for folder in folders}
