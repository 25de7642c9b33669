"""Measure a model by the protocol of its task's papers, for `edge-imgq evaluate`."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.artifact import output_errors
from edge_imgq.errors import ImageError, UsageError
from edge_imgq.images.colour import rgb_to_y
from edge_imgq.images.contact_sheet import SheetRow, contact_sheet, largest_error_region
from edge_imgq.images.files import is_grayscale, read_image, write_image
from edge_imgq.images.pair_files import PairFile, pair_files
from edge_imgq.images.port_samples import noise_port, number_of_noise
from edge_imgq.images.resize import crop_to_multiple
from edge_imgq.metrics.psnr import psnr
from edge_imgq.metrics.psnr_b import psnr_b
from edge_imgq.metrics.ssim import ssim
from edge_imgq.pipeline.enhance.enhance_image import enhance_pixels
from edge_imgq.pipeline.enhance.enhancer import (
    Enhancer,
    open_unset,
    refuse_unused_range,
    with_settings,
)
from edge_imgq.pipeline.enhance.port_settings import Settings
from edge_imgq.pipeline.evaluate.detection_scores import (
    FoundBoxes,
    detection_scores,
    found_boxes,
)
from edge_imgq.pipeline.evaluate.detector import Detector
from edge_imgq.pipeline.evaluate.paper_protocols import Baseline, Protocol, of_pairs, protocol_of
from edge_imgq.pipeline.evaluate.regression_file import regressions
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.report.evaluation import Evaluation, ImageScores, MethodScores, Scores
from edge_imgq.scale import Scale

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract, PixelRange
    from edge_imgq.pipeline.evaluate.anchored_regression import AnchoredRegression
    from edge_imgq.pipeline.open_model.source import Source

    Pixels: TypeAlias = NDArray[np.uint8]

SHEET_ROWS = 6


@dataclass(frozen=True)
class EvaluateRequest:
    """Arguments of `evaluate`.

    Attributes:
        model: name of the zoo, checkpoint, file or opened model.
        folder: folder of photographs, or of pairs (`edge_imgq.images.pair_files`).
        task: task whose protocol is used; None for the model's own.
        levels: strengths of the degradation; empty for the protocol's. For pairs, their level.
        sheet: path of a contact sheet to write; None for none.
        threads: processor threads.
        pixels: pixel range of an .onnx file that does not state it; None for 0 to 1.
        settings: values of further inputs.
        regressors: file of the baselines ANR and A+ for super-resolution; None for none.
        learn_from: folder to learn them from if the file does not exist.
        detector: .onnx file of an object detector whose boxes are compared; None for none.
    """

    model: str | Source
    folder: Path
    task: str | None
    levels: tuple[float, ...]
    sheet: Path | None
    threads: int
    pixels: PixelRange | None = None
    settings: Settings = field(default_factory=dict)
    regressors: Path | None = None
    learn_from: Path | None = None
    detector: Path | None = None


@dataclass(frozen=True)
class _Case:
    """One image at one degradation level, with the result of each method."""

    image: str
    condition: str
    truth: Pixels
    results: dict[str, Pixels]
    gray: bool


def evaluate(request: EvaluateRequest, watch: Watch) -> Evaluation:
    """Measure a model and its baselines on every image of a folder, by the protocol of its task.

    Files that cannot be read are left out and reported. `watch` is called before each step.

    Raises:
        UsageError: the task is unknown, the model does not exist, or levels do not apply to pairs.
        ImageError: the folder holds no usable image.
        ModelError: the model or the detector cannot be opened, or the detector returns no boxes.
        OutputError: the contact sheet cannot be written.
        RuntimeUnavailableError: the runtime of the file is not installed.
    """
    detector = Detector(request.detector, request.threads) if request.detector else None
    unset = open_unset(request.model, request.threads, request.pixels)
    refuse_unused_range([unset], request.pixels)
    files = tuple(pair_files(request.folder))
    protocol = _with_regressions(
        _protocol(request, unset.contract, files), request, unset.contract.scale, watch
    )
    at_levels = {level: _set_for(unset, request, protocol, level) for level in protocol.levels}
    enhancer = at_levels[protocol.levels[0]]
    scores: list[ImageScores] = []
    sheet: list[SheetRow] = []
    left_out: list[str] = []
    boxes: list[FoundBoxes] = []
    for index, file in enumerate(files):
        watch(ProgressStep(f"evaluate {enhancer.name}", index, len(files)))
        try:
            for case in _cases(file, at_levels, protocol):
                scores += _measured(case, enhancer.contract, protocol)
                boxes += _boxes(case, detector)
                sheet += [_sheet_row(case)] if request.sheet and len(sheet) < SHEET_ROWS else []
        except ImageError as error:
            left_out.append(str(error))
    if not scores:
        raise ImageError(f"No image of {request.folder} could be used: {left_out[0]}")
    if request.sheet:
        _write_sheet(request.sheet, sheet)
    return Evaluation(
        model=enhancer.name,
        task=request.task or enhancer.contract.task,
        set=request.folder.name,
        protocol=" ".join(filter(None, (protocol.compared, protocol.made))),
        rows=_summary(scores),
        images=tuple(scores),
        left_out=tuple(left_out),
        hint=" ".join(filter(None, (_hint(enhancer, files, request.threads), *enhancer.rounded))),
        detection=detection_scores(detector.name, boxes) if detector is not None else None,
    )


def _set_for(
    unset: Enhancer, request: EvaluateRequest, protocol: Protocol, level: float
) -> Enhancer:
    """Return a network for a level; a noise input that is not set gets the level of the noise."""
    settings, port = dict(request.settings), noise_port(unset.contract)
    if port is not None and port.name not in settings and protocol.says_noise:
        settings[port.name] = repr(number_of_noise(port, level))
    return with_settings(unset, settings)


def _protocol(
    request: EvaluateRequest, contract: ImageContract, files: tuple[PairFile, ...]
) -> Protocol:
    protocol = protocol_of(request.task or contract.task, contract.scale)
    if any(file.degraded for file in files):
        return of_pairs(protocol, request.levels)
    return replace(protocol, levels=request.levels or protocol.levels)


def _with_regressions(
    protocol: Protocol, request: EvaluateRequest, scale: Scale, watch: Watch
) -> Protocol:
    """Return a protocol with the baselines ANR and A+, if requested.

    Raises:
        UsageError: the task is not super-resolution, or neither file nor photographs exist.
    """
    if request.regressors is None and request.learn_from is None:
        return protocol
    if not isinstance(scale, int) or scale < 2 or not protocol.enlarges:
        raise UsageError(
            "ANR and A+ enlarge photographs by a whole number: leave --regressors and --learn-from "
            "out here."
        )
    made = regressions(request.regressors, request.learn_from, scale, watch)
    beside: dict[str, Baseline] = {name: _alone(method) for name, method in made.items()}
    return replace(protocol, baselines={**protocol.baselines, **beside})


def _alone(method: AnchoredRegression) -> Baseline:
    return lambda pixels, level: method(pixels)  # noqa: ARG005 - its scale is the level


def _hint(enhancer: Enhancer, files: tuple[PairFile, ...], threads: int) -> str:
    """Return a hint on a model whose pixel range was not stated; "" for none."""
    from edge_imgq.pipeline.open_model.range_hint import range_hint

    if enhancer.unsure is None:
        return ""
    try:
        photos = (read_image(file.truth, enhancer.contract.colour) for file in files)
        return range_hint(enhancer.unsure, photos, threads)
    except ImageError:
        return ""


def _cases(
    file: PairFile, at_levels: Mapping[float, Enhancer], protocol: Protocol
) -> Iterator[_Case]:
    """Degrade one image at every level, and run the model and the baselines on it."""
    contract, gray = next(iter(at_levels.values())).contract, is_grayscale(file.truth)
    truth = crop_to_multiple(read_image(file.truth, contract.colour), contract.scale.numerator)
    baselines = {**protocol.baselines, **protocol.by_level}
    for level in protocol.levels:
        condition = protocol.condition.format(level)
        if file.degraded:
            pixels = read_image(file.degraded, contract.colour)
        else:
            pixels = protocol.degrade(level)(truth, _generator(file.truth.name, level))
        results = {name: make(pixels, level) for name, make in baselines.items()}
        try:
            results["model"] = enhance_pixels(pixels, at_levels[level], _unwatched)
        except ImageError as error:
            raise ImageError(f"{file.truth}: {error}") from error
        for method, result in results.items():
            if result.shape != truth.shape:
                raise ImageError(
                    f"{file.truth} is {_shape(truth)}, and {method} makes {_shape(result)} of its "
                    "degraded form; a task compares images of one size (--task)."
                )
        yield _Case(file.truth.stem, condition, truth, results, gray)


def _boxes(case: _Case, detector: Detector | None) -> list[FoundBoxes]:
    """Return a detector's boxes in every method's result; [] without a detector."""
    if detector is None:
        return []
    return found_boxes(detector, case.condition, case.truth, case.results)


def _shape(pixels: Pixels) -> str:
    return f"{'x'.join(map(str, pixels.shape[:2]))} with {pixels.shape[2]} channels"


def _unwatched(done: int, total: int) -> None:
    """Ignore the progress of tiles."""


def _generator(name: str, level: float) -> np.random.Generator:
    """Return a random generator seeded by an image's name and its degradation level."""
    return np.random.default_rng([zlib.crc32(name.encode()), round(1000 * level)])


def _measured(case: _Case, contract: ImageContract, protocol: Protocol) -> Iterator[ImageScores]:
    shave = contract.shave
    as_luma = protocol.on_luma and contract.colour == "rgb"
    truth = _luma(case.truth, case.gray) if as_luma else case.truth
    for method, pixels in case.results.items():
        result = _luma(pixels, case.gray) if as_luma else pixels
        scores = Scores(
            psnr=psnr(truth, result, shave=shave),
            ssim=ssim(truth, result, shave=shave),
            psnr_b=psnr_b(truth, result) if protocol.blocks and truth.shape[2] == 1 else None,
        )
        yield ImageScores(case.image, case.condition, method, scores)


def _luma(pixels: Pixels, gray: bool) -> NDArray[np.float64]:
    """Return Y of BT.601 in limited range; in full range for a gray file, as in the papers."""
    luma = rgb_to_y(pixels)
    return (luma - 16.0) * (255.0 / 219.0) if gray else luma


def _summary(scores: list[ImageScores]) -> tuple[MethodScores, ...]:
    """Average the scores over the images, for each condition and method."""
    conditions = dict.fromkeys(one.condition for one in scores)
    methods = dict.fromkeys(one.method for one in scores)
    rows = []
    for condition in conditions:
        groups = [
            [one for one in scores if (one.condition, one.method) == (condition, method)]
            for method in methods
        ]
        for method, group in zip(methods, groups, strict=True):
            better = _share_better(group, groups[0])
            rows.append(MethodScores(condition, method, _mean(group), better))
    return tuple(rows)


def _mean(group: list[ImageScores]) -> Scores:
    blocks = [one.scores.psnr_b for one in group if one.scores.psnr_b is not None]
    return Scores(
        psnr=float(np.mean([one.scores.psnr for one in group])),
        ssim=float(np.mean([one.scores.ssim for one in group])),
        psnr_b=float(np.mean(blocks)) if blocks else None,
    )


def _share_better(group: list[ImageScores], baseline: list[ImageScores]) -> float:
    pairs = zip(group, baseline, strict=True)
    return float(np.mean([one.scores.psnr > other.scores.psnr for one, other in pairs]))


def _sheet_row(case: _Case) -> SheetRow:
    first = next(iter(case.results.values()))
    region = largest_error_region(case.results["model"], first)
    images = {**case.results, "truth": case.truth}
    crops = tuple((name, _rgb(pixels[region])) for name, pixels in images.items())
    return SheetRow(f"{case.image}, {case.condition}", crops)


def _rgb(pixels: Pixels) -> Pixels:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _write_sheet(path: Path, rows: list[SheetRow]) -> None:
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, contact_sheet(rows))
