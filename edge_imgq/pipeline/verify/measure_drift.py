"""Measure the drift of a model's files: run every image through the references and all files.

Images are read one at a time and run through all files before the next, so memory does not grow
with their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from edge_imgq.devices.host import HostSession
from edge_imgq.devices.load import processors
from edge_imgq.errors import DeviceError, ModelError, NonFiniteOutputError
from edge_imgq.images.frame_sequences import SHOWN, run_frames
from edge_imgq.images.layout import pixels_of
from edge_imgq.images.port_results import first_result, other_results
from edge_imgq.images.samples import ImageSet, Sample, sample_count, samples
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.pipeline.verify.amplified_levels import AmplifiedLevels
from edge_imgq.pipeline.verify.builtin_kernels import BuiltinRuns
from edge_imgq.pipeline.verify.worst_images import WorstImages
from edge_imgq.report.image_comparison import ImageComparison
from edge_imgq.report.report import NotRun
from edge_imgq.runtime.freed_memory import give_back
from edge_imgq.runtime.protocol import FloatSession
from edge_imgq.verify.compare import compare, compare_other, picture_psnr
from edge_imgq.verify.drift import Drift, ImageDrift
from edge_imgq.verify.output_range import OutputValues, outside
from edge_imgq.verify.port_error import OutputSums, port_sums
from edge_imgq.verify.summary import summarise

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.devices.protocol import DeviceSession
    from edge_imgq.pipeline.verify.references import ComparedFile, References
    from edge_imgq.runtime.protocol import Session

    Pixels: TypeAlias = NDArray[np.uint8]
    Levels: TypeAlias = NDArray[np.float64]
    Run: TypeAlias = Callable[[Levels], Levels]

Result = TypeVar("Result")

WORKERS = min(2, max(processors() - 1, 1))
"""Additional threads on which references and files run at the same time.

Each holds the activations of a model, so there are at most two, and no more than processors.
"""


@dataclass(frozen=True)
class _Shown:
    """Results of one image, (H, W, C); all outputs are concatenated along the channels.

    Of a recurrent network, results are those of the last frame.

    Attributes:
        sample: the image.
        of_float: result of the float reference.
        levels: the same before rounding and clipping, float64 in levels of 255.
        of_quantized: result of the QDQ graph of each int8 file.
        of_files: result of each file, or why it did not run; float64 levels if it returns more than
            images.
        growth: PSNR in dB of each file's image after each frame of SHOWN; empty if the network is
            not recurrent.
    """

    sample: Sample
    of_float: Pixels
    levels: Levels
    of_quantized: Mapping[Path, Pixels]
    of_files: Mapping[Path, Pixels | Levels | NotRun]
    growth: Mapping[Path, tuple[float, ...]] = field(default_factory=dict)


def measure_drifts(
    references: References,
    opened: Sequence[ComparedFile],
    images: ImageSet,
    contract: ImageContract,
    watch: Watch,
    not_run: dict[Path, NotRun],
    worst_images: WorstImages,
    values: OutputValues,
) -> dict[Path, Drift]:
    """Run every image through the references and all files, and return the drift of each file.

    A file of fixed sizes is run at each of its sizes. Results are compared as 8-bit levels, PSNR in
    dB.

    Args:
        references: references of the files.
        opened: the files.
        images: images to measure on.
        contract: contract with a multiple that fits every file.
        watch: called for each image.
        not_run: receives files that fail on an image or return NaN or infinity.
        worst_images: receives the image of every file.
        values: receives the float reference's values, to count those outside the range.

    Returns:
        The drift by path of every file that is not in `not_run`.

    Raises:
        ImageError: an image cannot be read or is too small.
        NonFiniteOutputError: a reference returns NaN or infinity.
    """
    rows: dict[Path, list[ImageDrift]] = {file.path: [] for file in opened}
    builtin, amplified = BuiltinRuns(), AmplifiedLevels(references)
    wanted = {file.path: _sizes(file, references.float) for file in opened}
    for size in dict.fromkeys(size for sizes in wanted.values() for size in sizes):
        group = [file for file in opened if size in wanted[file.path]]
        _release(file for file in opened if file not in group)
        read = samples(images, contract, size, references.smallest)
        for sample in _watched(read, size, sample_count(images, contract), watch):
            running = [file for file in group if file.path not in not_run]
            if not running:
                continue
            runs = _run_sequence if contract.is_recurrent else _run
            shown = runs(references.float, running, sample, values)
            for file in running:
                result = shown.of_files[file.path]
                if isinstance(result, NotRun):
                    not_run[file.path] = result
                else:
                    row = _compared(file, result, shown, worst_images)
                    rows[file.path].append(row)
                    if contract.is_recurrent:
                        continue
                    first = pixels_of(first_result(result, contract))
                    of_float = first_result(shown.of_float, contract)
                    builtin.offer(file, sample, of_float, first)
                    amplified.offer(file, sample, row)
    _release(opened)
    no_picture = contract.returns_image and not values.is_empty and not values.range().is_picture
    name = "" if contract.result is None else contract.result.name
    drifts = {
        path: replace(
            summarise(measured, not no_picture, name), builtin_kernels=builtin.of(path, measured)
        )
        for path, measured in rows.items()
        if path not in not_run
    }
    return {
        path: replace(drift, amplified=amplified.of(path, drift, watch))
        for path, drift in drifts.items()
    }


def _sizes(file: ComparedFile, reference: Session) -> tuple[tuple[int, int] | None, ...]:
    """Return each (height, width) to measure a file at; None for the size of each image."""
    if reference.size is not None:
        return (reference.size,)
    return (None,) if file.session.resizable else file.session.sizes or (None,)


def _release(files: Iterable[ComparedFile]) -> None:
    """Free the memory of files on this host; they are reopened at the next run."""
    for file in files:
        if isinstance(file.session, HostSession):
            file.session.release()


def _named(sample: Sample, size: tuple[int, int] | None) -> Sample:
    """Return an image with the size appended to its name if the size is fixed."""
    return sample if size is None else replace(sample, name=f"{sample.name} {size[0]}x{size[1]}")


def _watched(
    read: Iterable[Sample], size: tuple[int, int] | None, total: int, watch: Watch
) -> Iterator[Sample]:
    """Yield images, report progress, and free memory before each."""
    for index, sample in enumerate(_named(sample, size) for sample in read):
        watch(ProgressStep(f"verify on {sample.name}", index, total))
        give_back()
        yield sample


def _run(
    reference: FloatSession, group: Sequence[ComparedFile], sample: Sample, values: OutputValues
) -> _Shown:
    """Run one image through the references, each once, and through every file."""
    graphs = {file.path: file.quantized for file in group if file.quantized is not None}
    sources = {id(session): session for session in graphs.values()}
    with ThreadPoolExecutor(WORKERS) as beside:
        exact = beside.submit(reference.levels, sample.pixels)
        runs = {key: beside.submit(s.run, sample.pixels) for key, s in sources.items()}
        others = {f.path: _run_file(f, sample) for f in group if not _is_native(f)}
        # Submitted after the evaluators: both at once would double the memory of large windows.
        native = {f.path: beside.submit(_run_file, f, sample) for f in group if _is_native(f)}
    levels = exact.result()
    values.add(first_result(levels, reference.note.contract))
    return _Shown(
        sample,
        pixels_of(levels),
        levels,
        {path: runs[id(session)].result() for path, session in graphs.items()},
        {**{path: run.result() for path, run in native.items()}, **others},
    )


def _run_sequence(
    reference: FloatSession, group: Sequence[ComparedFile], sample: Sample, values: OutputValues
) -> _Shown:
    """Run the frames of one image through the references, and through every file."""
    contract = reference.note.contract

    def last(run: Run) -> tuple[Levels, list[Pixels]]:
        results = [of_files for _, of_files in run_frames(run, sample.pixels, contract)]
        pictures = [pixels_of(first_result(results[frame - 1], contract)) for frame in SHOWN]
        return results[-1], pictures

    exact, wanted = last(reference.levels)
    values.add(first_result(exact, contract))
    graphs = {file.path: file.quantized for file in group if file.quantized is not None}
    sources = {id(session): session for session in graphs.values()}
    of_sources = {key: pixels_of(last(_levels_of(s))[0]) for key, s in sources.items()}
    of_files: dict[Path, Levels | NotRun] = {}
    growth = {}
    for file in group:
        result = _tried(file, sample, lambda session: last(_levels_of(session)))
        if isinstance(result, NotRun):
            of_files[file.path] = result
            continue
        of_files[file.path], pictures = result
        growth[file.path] = tuple(map(picture_psnr, wanted, pictures))
    quantized = {path: of_sources[id(session)] for path, session in graphs.items()}
    return _Shown(sample, pixels_of(exact), exact, quantized, of_files, growth)


def _levels_of(session: Session) -> Run:
    """Return a function that runs a session on levels, rounded first if it only takes uint8."""
    if isinstance(session, HostSession):
        return lambda levels: session.exact(levels)
    if isinstance(session, FloatSession):
        return session.levels
    return lambda levels: session.run(pixels_of(levels)).astype(np.float64)


def _compared(
    file: ComparedFile, result: Pixels | Levels, shown: _Shown, worst_images: WorstImages
) -> ImageDrift:
    """Return the drift of a file on one image, and offer the image to `worst_images`."""
    sample, note = shown.sample, file.session.note
    contract, port = note.contract, note.contract.result
    levels = first_result(shown.levels, contract)
    of_float = first_result(shown.of_float, contract)
    pixels = pixels_of(first_result(result, contract))
    quantized = _first(shown.of_quantized.get(file.path), contract)
    host = quantized
    if file.host is not file.quantized:
        host = None if file.host is None else _first(file.host.run(sample.pixels), contract)
    row = compare(
        sample.name,
        file=pixels,
        reference=of_float,
        quantized=quantized,
        source=of_float if quantized is None else quantized,
        truth=sample.truth,
        shave=note.contract.shave,
        untreated=None if sample.truth is None else sample.untreated(note.contract.scale),
        host=host,
        levels=None if port or outside(levels).is_picture else levels,
    )
    others = _others(result, shown.levels, contract)
    row = replace(row, others=others, growth=shown.growth.get(file.path, ()))
    if port is not None:
        own = first_result(result, contract).astype(np.float64)
        return replace(row, numbers=port_sums(port, levels, own))
    comparison = ImageComparison(sample.name, row.vs_reference, of_float, pixels)
    worst_images.offer(f"{note.model}-{note.target}", comparison)
    return row


def _first(pixels: Pixels | None, contract: ImageContract) -> Pixels | None:
    return None if pixels is None else first_result(pixels, contract)


def _others(
    result: Pixels | Levels, levels: Levels, contract: ImageContract
) -> tuple[OutputSums, ...]:
    """Compare the outputs after the first with those of the float reference."""
    pairs = zip(other_results(result, contract), other_results(levels, contract), strict=True)
    return tuple(
        compare_other(port, file.astype(np.float64), reference)
        for (port, file), (_, reference) in pairs
    )


def _has_numbers(contract: ImageContract) -> bool:
    """Return True if a network returns anything but one image of pixels."""
    return not contract.returns_image or bool(contract.others)


def _is_native(file: ComparedFile) -> bool:
    """Return True if a runtime for devices runs a file on this host, not an evaluator."""
    return file.host is None and file.session.identity.is_device_runtime


def _run_file(file: ComparedFile, sample: Sample) -> Pixels | Levels | NotRun:
    """Run a file on an image; return levels if it returns more than an image of pixels."""

    def result(session: DeviceSession) -> Pixels | Levels:
        if isinstance(session, HostSession) and _has_numbers(session.note.contract):
            return session.exact(sample.pixels)
        return session.run(sample.pixels)

    return _tried(file, sample, result)


def _tried(
    file: ComparedFile, sample: Sample, run: Callable[[DeviceSession], Result]
) -> Result | NotRun:
    """Return the result of a file on an image, or why it does not run."""
    give_back()  # memory of the previous file
    try:
        return run(file.session)
    except (DeviceError, ModelError) as error:
        return NotRun(file.path.name, f"on image {sample.name}: {error}", error.exit_code)
    except NonFiniteOutputError as error:
        return NotRun(file.path.name, f"on image {sample.name}: {error}", error.exit_code)
    except RuntimeError as error:  # some runtimes raise no class of their own
        reason = str(error).strip().split("\n")[0]
        return NotRun(file.path.name, f"on image {sample.name}: {reason}", ModelError.exit_code)
