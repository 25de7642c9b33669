"""A committed baseline: what a report's figures were, and how far they may move.

It holds, too, what the figures depend on: digests of the float model, files and images, and
versions. Host latency is not kept: it belongs to one machine on one day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge_imgq.formats import format_of
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.skipped import Skipped

Figure = float | tuple[float, ...] | None
"""One number, one for each channel, or not measured."""


@dataclass(frozen=True)
class Tolerances:
    """How much worse a figure may become before its target has regressed.

    Attributes:
        psnr: fall of the mean PSNR against the truth, of the float model or of the file, in dB.
        drop_mean: growth of the mean loss against the truth, in dB.
        drop_worst: growth of the worst image's loss, in dB.
        vs_reference_mean: fall of the mean PSNR against the float reference, in dB.
        vs_reference_worst: fall of the worst image's, in dB.
        mean_error: growth of a channel's signed mean error, overall or in flat areas, in levels.
        conversion_within_1: fall of the share of values within one level of the graph.
        bytes: growth of the file, as a share of its size.
        activation_bytes: growth of the activations alive at once, as a share.
        operators: growth of their number, as a share.
        partitions: how many more pieces the operators may run in.
    """

    psnr: float = 0.1
    drop_mean: float = 0.05
    drop_worst: float = 0.15
    vs_reference_mean: float = 0.5
    vs_reference_worst: float = 1.5
    mean_error: float = 0.5
    conversion_within_1: float = 0.0005
    bytes: float = 0.02
    activation_bytes: float = 0.05
    operators: float = 0.05
    partitions: float = 0.0


@dataclass(frozen=True)
class Figures:
    """What is kept of one target. What was not measured is None.

    Attributes:
        sha256: of the file.
        quantized_sha256: of the QDQ graph that it was lowered from; empty for float files.
        runtime: that ran it.
        float_psnr: of the float model against the truth, mean, in dB.
        input_psnr: of the input against the truth, enlarged by bicubic where the network enlarges.
        psnr: of the file against the truth.
        mean_error, mean_error_dark, mean_error_bright: one for each channel, in levels.
        sizes: heights and widths of the input that the file is made for, such as "180x320"; none
            where it takes any, None where nobody said.
        activation_size: height and width that activations are counted at; None likewise.
        others: of what is returned beside the first result, PSNR against the float reference, in
            dB, by the port's name.

    The others are as in `Tolerances`.
    """

    sha256: str
    quantized_sha256: str
    runtime: str
    float_psnr: float | None
    input_psnr: float | None
    psnr: float | None
    drop_mean: float | None
    drop_worst: float | None
    vs_reference_mean: float
    vs_reference_worst: float
    mean_error: tuple[float, ...]
    mean_error_dark: tuple[float, ...] | None
    mean_error_bright: tuple[float, ...] | None
    conversion_within_1: float
    bytes: int
    activation_bytes: int | None
    operators: int | None
    partitions: int | None
    sizes: tuple[str, ...] | None = None
    activation_size: str | None = None
    others: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Images:
    """Images that figures depend on: in words, and the digest of names and contents."""

    words: str
    sha256: str


@dataclass(frozen=True)
class ModelBaseline:
    """The targets of one model, and what their figures depend on.

    Attributes:
        float_sha256: digest of the float reference.
        graph_sha256: digest of its graph without the weights.
        calibration: images that scales came from; of no words where nothing was quantized.
        evaluation: images that drift was measured on.
        versions: of edge-imgq and of the packages that ran files, by name.
        targets: by name.
        tensors: of the float model and each quantized graph, a line by name: scale and zero point,
            or digests of weights and their scales (`graph/tensor_digests.py`).
    """

    float_sha256: str
    graph_sha256: str
    calibration: Images
    evaluation: Images
    versions: Mapping[str, str]
    targets: Mapping[str, Figures]
    tensors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """A whole baseline file."""

    tolerances: Tolerances = field(default_factory=Tolerances)
    models: Mapping[str, ModelBaseline] = field(default_factory=dict)


def updated(
    baseline: Baseline | None,
    reports: Sequence[Report],
    tensors: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None,
) -> Baseline:
    """Return a baseline with the reports' figures; tolerances and other models stay.

    Figures of targets that were not measured now stay, too, where they compare with what was:
    `unmeasured` says which.

    Args:
        baseline: as it was; None for none.
        reports: on the files.
        tensors: of the graphs of each report's model, as `ModelBaseline` has them.
    """
    before = baseline or Baseline()
    models = dict(before.models)
    for report in reports:
        now = replace(model_baseline(report), tensors=(tensors or {}).get(report.model, {}))
        if (known := before.models.get(report.model)) is not None:
            kept = {u.target: known.targets[u.target] for u in unmeasured(known, report) if u.stays}
            now = replace(now, targets={**kept, **now.targets})
        models[report.model] = now
    return Baseline(before.tolerances, models)


@dataclass(frozen=True)
class Unmeasured:
    """A target of a baseline that a report has no figures of.

    Attributes:
        target: its name.
        stays: whether an update keeps its figures.
        reason: why there are no new ones, and why the old ones go where they do.
    """

    target: str
    stays: bool
    reason: str


def unmeasured(known: ModelBaseline, report: Report) -> tuple[Unmeasured, ...]:
    """Return the targets of a model's baseline that its report has no figures of.

    Those that failed or did not run stay in the baseline, unless they were measured on other
    images; those that the report does not name go.
    """
    reasons = {Path(f.file).stem: f"it {f.words}: {f.reason}" for f in report.not_run}
    reasons |= {one.target: f"its export failed: {one.reason}" for one in report.failed}
    others = known.evaluation.sha256 != report.evaluation_sha256
    present = {target.target for target in report.targets}
    found = []
    for name in sorted(set(known.targets) - present):
        reason = reasons.get(name, "the report has no such target")
        if name in reasons and others:
            reason += "; its figures are those of other images"
        elif name in reasons and known.float_sha256 != report.reference_sha256:
            reason += "; they are those of the float model before this one"
        found.append(Unmeasured(name, name in reasons and not others, reason))
    return tuple(found)


def model_baseline(report: Report) -> ModelBaseline:
    """Return what a baseline keeps of a report."""
    return ModelBaseline(
        float_sha256=report.reference_sha256,
        graph_sha256=report.graph_sha256,
        calibration=Images(report.calibration, report.calibration_sha256),
        evaluation=Images(report.evaluation, report.evaluation_sha256),
        versions={"edge-imgq": report.version, **{v.name: v.version for v in report.versions}},
        targets={target.target: figures(target) for target in report.targets},
    )


def figures(target: TargetReport) -> Figures:
    """Return what a baseline keeps of a target."""
    drop = None if isinstance(target.drop, Skipped) else target.drop
    placement = None if isinstance(target.placement, Skipped) else target.placement
    memory = None if isinstance(target.memory, Skipped) else target.memory
    error = target.mean_error
    return Figures(
        sha256=target.sha256,
        quantized_sha256=target.quantized_sha256,
        runtime=target.runtime,
        float_psnr=None if drop is None else drop.reference_psnr,
        input_psnr=None if drop is None else drop.input_psnr,
        psnr=None if drop is None else drop.psnr,
        drop_mean=None if drop is None else drop.mean,
        drop_worst=None if drop is None else drop.worst,
        vs_reference_mean=target.vs_reference.mean,
        vs_reference_worst=target.vs_reference.worst,
        mean_error=error.overall,
        mean_error_dark=None if isinstance(error.dark, Skipped) else error.dark,
        mean_error_bright=None if isinstance(error.bright, Skipped) else error.bright,
        conversion_within_1=target.conversion.within_1,
        bytes=target.bytes,
        activation_bytes=None if memory is None else memory.bytes,
        operators=None if placement is None else placement.operators,
        partitions=None if placement is None else placement.partitions,
        sizes=_input_sizes(target),
        activation_size=None if memory is None else _in_words(memory.size),
        others={other.numbers.port: other.vs_reference.mean for other in target.others},
    )


def _input_sizes(target: TargetReport) -> tuple[str, ...] | None:
    """Return what `Figures.sizes` says: of a file that a runtime can resize, the size it has."""
    if target.sizes:
        return tuple(map(_in_words, sorted(target.sizes)))
    form = format_of(Path(target.file))
    if form is not None and form.sizes == "any":
        return ()
    return None if isinstance(target.memory, Skipped) else (_in_words(target.memory.size),)


def _in_words(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
