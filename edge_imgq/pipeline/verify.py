"""Verification: every file reopened from disk, run on every image, compared with its references.

Images are read one by one and go through all files before the next is read, so memory does not grow
with the number of images.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import sha256_of, size_of
from edge_imgq.bench.timing import DEFAULT_SIZE
from edge_imgq.devices.host import HostDevice
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.table import NO_OPTIONS, find_device
from edge_imgq.errors import (
    DeviceError,
    NonFiniteOutputError,
    RuntimeUnavailableError,
    UnsupportedOperatorError,
)
from edge_imgq.images.samples import ImageSet, Sample, samples
from edge_imgq.pipeline.gallery import NOTHING_KEPT, Exhibit, Gallery
from edge_imgq.pipeline.images import evaluation_images
from edge_imgq.pipeline.references import Candidate, OpenedFile, References
from edge_imgq.pipeline.step import Step, Watch
from edge_imgq.recipe.export import Budget, recipe_name
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.report.report import NotRun, Report, TargetReport
from edge_imgq.runtime.memory import activation_memory
from edge_imgq.skipped import Skipped
from edge_imgq.verify.budget import breaches
from edge_imgq.verify.drift import Drift, ImageDrift, compare, summarise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.devices.protocol import Device
    from edge_imgq.runtime.protocol import Session

WORKERS = 2
"""Threads on which references and files run side by side."""


def verify(
    paths: Sequence[Path],
    images: Path | None,
    threads: int,
    watch: Watch,
    device: str = "host",
    options: DeviceOptions = NO_OPTIONS,
    pictures: Path | None = None,
) -> tuple[Report, ...]:
    """Measure the drift of existing files against the references that lie beside them.

    The references run on this host, the files on the device. A file that does not run there to the
    end is in the report with its reason.

    Args:
        paths: files that `export` wrote.
        images: folder to evaluate on; None for the images of the manifest.
        threads: processor threads.
        watch: told of every step.
        device: where, by its name.
        options: what else the person chose of it.
        pictures: folder for pictures of the worst images; None for none.

    Returns:
        One report per folder.

    Raises:
        ModelError: a file is not whole, or its reference is missing or another.
        UsageError: there is no such device.
    """
    found = find_device(device, options)
    recipes = export_recipes()
    budgets = {recipe.name: recipe.budget for recipe in recipes}
    chosen = evaluation_images(images)
    reports = []
    for folder, files in _by_folder(paths).items():
        candidates = [Candidate(path, None) for path in files]
        gallery = Gallery(pictures)
        report = verify_files(
            folder, candidates, chosen, budgets, threads, watch, device=found, gallery=gallery
        )
        gallery.write()
        name = device if isinstance(found, Skipped) else found.name
        reports.append(replace(report, device=name))
    return tuple(reports)


def verify_files(
    folder: Path,
    candidates: Sequence[Candidate],
    images: ImageSet,
    budgets: Mapping[str, Budget],
    threads: int,
    watch: Watch,
    calibration: str = "",
    device: Device | Skipped | None = None,
    gallery: Gallery = NOTHING_KEPT,
) -> Report:
    """Verify and time files of one model.

    Args:
        folder: the model's folder, which holds the files and `reference/`.
        candidates: the files.
        images: to measure drift on.
        budgets: by target; a target without one cannot exceed it.
        threads: processor threads.
        watch: told of every step.
        calibration: the calibration images in words, where this run quantized.
        device: where to run the files; None for this host.
        gallery: is shown every image; the caller writes it.
    """
    references = References(folder, threads)
    not_run: dict[Path, NotRun] = {}
    with ExitStack() as stack:
        opened = _open(references, candidates, device or HostDevice(), not_run, stack)
        contract = _common_contract(references.float.note.contract, opened)
        drifts = _drifts(references, opened, images, contract, watch, not_run, gallery)
        targets = _targets(folder, opened, drifts, budgets, not_run, watch)
    note = references.float.note
    return Report(
        model=note.model,
        version=note.version,
        contract=note.contract,
        parameters=references.parameters,
        reference_sha256=references.sha256,
        calibration=calibration,
        evaluation=images.description,
        targets=tuple(targets),
        not_run=tuple(not_run.values()),
    )


def _open(
    references: References,
    candidates: Sequence[Candidate],
    device: Device | Skipped,
    not_run: dict[Path, NotRun],
    stack: ExitStack,
) -> list[OpenedFile]:
    """Open files on a device; those that do not go there are noted with the reason."""
    opened = []
    for candidate in candidates:
        path = candidate.path
        if isinstance(device, Skipped):
            not_run[path] = NotRun(path.name, device.reason, RuntimeUnavailableError.exit_code)
            continue
        if refusal := device.refusal(path):
            not_run[path] = NotRun(path.name, refusal, 0)
            continue
        try:
            file = references.open(candidate, device)
        except (DeviceError, UnsupportedOperatorError) as error:
            not_run[path] = NotRun(path.name, str(error), error.exit_code)
            continue
        stack.callback(file.session.close)
        opened.append(file)
    return opened


def _targets(
    folder: Path,
    opened: Sequence[OpenedFile],
    drifts: Mapping[Path, Drift],
    budgets: Mapping[str, Budget],
    not_run: dict[Path, NotRun],
    watch: Watch,
) -> list[TargetReport]:
    """Time every file that ran on all images, and put together what is known of it."""
    targets = []
    own = [file.session.size for file in opened if file.session.size]
    for index, file in enumerate(opened):
        if file.path not in drifts:
            continue
        watch(Step(f"time {file.session.note.target}", index, len(opened)))
        target = file.session.note.target
        budget = budgets.get(target, budgets.get(recipe_name(target)))
        drift = drifts[file.path]
        exceeded = breaches(drift, budget, file.session.is_bit_exact) if budget else ()
        try:
            size = _size_to_time(file, own)
            targets.append(_target_report(folder, file, drift, exceeded, size))
        except DeviceError as error:
            not_run[file.path] = NotRun(file.path.name, str(error), error.exit_code)
    return targets


def _drifts(
    references: References,
    opened: Sequence[OpenedFile],
    images: ImageSet,
    contract: ImageContract,
    watch: Watch,
    not_run: dict[Path, NotRun],
    gallery: Gallery,
) -> dict[Path, Drift]:
    """Measure every file; those that insist on sizes are run on images of each of these.

    A file that its device loses on the way is noted in `not_run`, and has no drift.
    """
    rows: dict[Path, list[ImageDrift]] = {file.path: [] for file in opened}
    wanted = {file.path: _sizes(file, references.float) for file in opened}
    for size in dict.fromkeys(size for sizes in wanted.values() for size in sizes):
        group = [file for file in opened if size in wanted[file.path]]
        read = samples(images, contract, size, references.smallest)
        for sample in _watched(read, len(images.photos), watch):
            there = [file for file in group if file.path not in not_run]
            for file, row in _run(references.float, there, _named(sample, size), gallery):
                if isinstance(row, NotRun):
                    not_run[file.path] = row
                else:
                    rows[file.path].append(row)
    return {path: summarise(r) for path, r in rows.items() if path not in not_run}


def _common_contract(contract: ImageContract, opened: Sequence[OpenedFile]) -> ImageContract:
    """Return the contract whose images fit every file: a file may ask for a larger multiple."""
    multiples = (file.session.note.contract.multiple for file in opened)
    return replace(contract, multiple=lcm(contract.multiple, *multiples))


def _sizes(file: OpenedFile, reference: Session) -> tuple[tuple[int, int] | None, ...]:
    """Return the heights and widths that a file must be measured at; None is any."""
    if reference.size is not None:
        return (reference.size,)
    return (None,) if file.session.resizable else file.session.sizes or (None,)


def _named(sample: Sample, size: tuple[int, int] | None) -> Sample:
    """Return an image whose name says at which size it was measured, where that is fixed."""
    return sample if size is None else replace(sample, name=f"{sample.name} {size[0]}x{size[1]}")


def _watched(read: Iterable[Sample], total: int, watch: Watch) -> Iterator[Sample]:
    for index, sample in enumerate(read):
        watch(Step(f"verify on {sample.name}", index, total))
        yield sample


def _run(
    reference: Session, group: Sequence[OpenedFile], sample: Sample, gallery: Gallery
) -> Iterator[tuple[OpenedFile, ImageDrift | NotRun]]:
    """Run one image through the references, each once, and through every file."""
    if not group:
        return
    graphs = (reference, *(file.quantized for file in group))
    sources = {id(session): session for session in graphs if session is not None}
    with ThreadPoolExecutor(WORKERS) as beside:  # on other processors, where there are any
        runs = {key: beside.submit(s.run, sample.pixels) for key, s in sources.items()}
        native = {f.path: beside.submit(_run_file, f, sample) for f in group if _is_native(f)}
        rest = {f.path: _run_file(f, sample) for f in group if f.path not in native}
    images = {key: run.result() for key, run in runs.items()}
    results = [rest[f.path] if f.path in rest else native[f.path].result() for f in group]
    float_image = images[id(reference)]
    for file, result in zip(group, results, strict=True):
        quantized = None if file.quantized is None else images[id(file.quantized)]
        if isinstance(result, NotRun):
            yield file, result
            continue
        row = compare(
            sample.name,
            file=result,
            reference=float_image,
            quantized=quantized,
            source=float_image if quantized is None else quantized,
            truth=sample.truth,
            shave=file.session.note.contract.shave,
            host=None if file.host is None else file.host.run(sample.pixels),
        )
        note, psnr = file.session.note, row.vs_reference
        exhibit = Exhibit(sample.name, psnr, float_image, result)
        gallery.offer(f"{note.model}-{note.target}", exhibit)
        yield file, row


def _is_native(file: OpenedFile) -> bool:
    """Tell whether a runtime on this host runs a file, on a thread of its own and beside others."""
    return file.host is None and file.session.identity.is_device_runtime


def _run_file(file: OpenedFile, sample: Sample) -> NDArray[np.uint8] | NotRun:
    try:
        return file.session.run(sample.pixels)
    except DeviceError as error:
        return NotRun(file.path.name, f"on image {sample.name}: {error}", error.exit_code)
    except NonFiniteOutputError as error:
        raise NonFiniteOutputError(f"{file.path.name} on image {sample.name}: {error}") from error


def _target_report(
    folder: Path,
    file: OpenedFile,
    drift: Drift,
    exceeded: tuple[str, ...],
    size: tuple[int, int],
) -> TargetReport:
    return TargetReport(
        target=file.session.note.target,
        file=str(file.path.relative_to(folder)),
        bytes=size_of(file.path),
        sha256=sha256_of(file.path),
        runtime=str(file.session.identity),
        vs_reference=drift.vs_reference,
        drop=drift.drop,
        quantization=drift.quantization,
        conversion=drift.conversion,
        vs_host=drift.vs_host,
        placement=file.session.placement(),
        latency=file.session.latency(size),
        instructions=file.session.instructions(size),
        memory=activation_memory(file.path, size),
        sizes=() if file.session.resizable else file.session.sizes,
        breaches=exceeded,
    )


def _size_to_time(file: OpenedFile, own: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the size that was asked for, the file's own, or one of the files beside it."""
    if file.size and file.session.resizable:
        return file.size
    return file.session.size or next(iter(own), DEFAULT_SIZE)


def _by_folder(paths: Sequence[Path]) -> dict[Path, list[Path]]:
    """Group files by their model's folder."""
    groups: dict[Path, list[Path]] = {}
    for path in paths:
        groups.setdefault(path.parent, []).append(path)
    return groups
