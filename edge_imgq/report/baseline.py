"""A committed baseline: the values of reports, and tolerances for their changes.

It also holds what the values depend on: digests of the float model, files and images, and package
versions. Host latency is not kept, since it depends on the machine and its load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge_imgq.formats import format_of
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.skipped import Skipped

Figure = float | tuple[float, ...] | None
"""A number, one number per channel, or None if not measured."""


@dataclass(frozen=True)
class Tolerances:
    """How much worse each value may become before its target counts as regressed.

    Attributes:
        psnr: Fall of the mean PSNR against ground truth, of the float model or the file, in dB.
        drop_mean: Rise of the mean PSNR drop, in dB.
        drop_worst: Rise of the PSNR drop of the worst image, in dB.
        vs_reference_mean: Fall of the mean PSNR against the float reference, in dB.
        vs_reference_worst: Fall of the lowest PSNR against the float reference, in dB.
        mean_error: Rise of the magnitude of a channel's mean error, overall or in flat areas, in
            levels.
        conversion_within_1: Fall of the share of values within one level of the graph.
        bytes: Growth of the file size, as a share.
        activation_bytes: Growth of the peak activation memory, as a share.
        operators: Growth of the number of operators, as a share.
        partitions: Rise of the number of partitions.
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
    """Values of one target in a baseline; None if not measured.

    Attributes:
        sha256: SHA-256 of the file.
        quantized_sha256: SHA-256 of the QDQ graph that it was lowered from; empty for float files.
        runtime: Runtime that ran the file.
        float_psnr: Mean PSNR of the float model against ground truth, in dB.
        input_psnr: Mean PSNR of the input, enlarged by bicubic for super-resolution, in dB.
        psnr: Mean PSNR of the file against ground truth, in dB.
        drop_mean, drop_worst: PSNR that the file loses against ground truth, in dB, mean and worst
            image.
        vs_reference_mean, vs_reference_worst: PSNR of the file against the float reference, in dB,
            mean and lowest.
        mean_error, mean_error_dark, mean_error_bright: Mean error per channel, overall and in flat
            dark and bright areas, in levels.
        conversion_within_1: Share of values within one level of the graph that the file was lowered
            from, 0 to 1.
        bytes: Size of the file.
        activation_bytes: Peak memory of the activations.
        operators, partitions: Number of operators, and of subgraphs that the accelerator runs.
        sizes: Input sizes that the file takes, such as "180x320"; empty for any size, None if
            unknown.
        activation_size: Input size at which activations were counted; None if unknown.
        others: Mean PSNR of further outputs against the float reference in dB, by port name.
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
    """A set of images: its description, and the digest of names and contents.

    Attributes:
        words: Description for people.
        sha256: SHA-256 of the names and contents.
    """

    words: str
    sha256: str


@dataclass(frozen=True)
class ModelBaseline:
    """Values of the targets of one model, and what they depend on.

    Attributes:
        float_sha256: SHA-256 of the float reference.
        graph_sha256: SHA-256 of its graph without weights.
        calibration: Calibration images; without description if nothing was quantized.
        evaluation: Images on which drift was measured.
        versions: Versions of edge-imgq and of the packages that ran files, by name.
        targets: Values by target name.
        tensors: By graph, a line per tensor name: scale and zero point, or digests of weights and
            their scales (`edge_imgq.graph.tensor_digests`).
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
    """Contents of a baseline file: tolerances, and models by name."""

    tolerances: Tolerances = field(default_factory=Tolerances)
    models: Mapping[str, ModelBaseline] = field(default_factory=dict)


def updated(
    baseline: Baseline | None,
    reports: Sequence[Report],
    tensors: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None,
) -> Baseline:
    """Return a baseline with the values of reports; tolerances and other models are kept.

    Values of targets that were not measured are kept if they are still comparable (`unmeasured`).
    The given baseline is not changed.

    Args:
        baseline: Previous baseline; None for an empty one with default tolerances.
        reports: Reports on the files, at most one per model.
        tensors: `ModelBaseline.tensors` by model name; a model that is missing has none.
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
    """A target of a baseline without values in a report.

    Attributes:
        target: Target name.
        stays: Whether an update keeps its old values.
        reason: Why there are no new values, and what is wrong with the old ones.
    """

    target: str
    stays: bool
    reason: str


def unmeasured(known: ModelBaseline, report: Report) -> tuple[Unmeasured, ...]:
    """Return the targets of a model's baseline without values in its report, sorted by name.

    Those that failed or did not run stay in the baseline unless they were measured on other images.
    Those that the report does not name are removed.

    Args:
        known: Baseline of the model.
        report: Report on the same model.
    """
    reasons = {Path(f.file).stem: f"it {f.words}: {f.reason}" for f in report.not_run}
    reasons |= {one.target: f"its export failed: {one.reason}" for one in report.failed}
    others = known.evaluation.sha256 != report.evaluation_sha256
    present = {target.target for target in report.targets}
    entries = []
    for name in sorted(set(known.targets) - present):
        reason = reasons.get(name, "the report has no such target")
        if name in reasons and others:
            reason += "; its figures are those of other images"
        elif name in reasons and known.float_sha256 != report.reference_sha256:
            reason += "; they are those of the float model before this one"
        entries.append(Unmeasured(name, name in reasons and not others, reason))
    return tuple(entries)


def model_baseline(report: Report) -> ModelBaseline:
    """Return the values and digests of a report that a baseline keeps, without tensors."""
    return ModelBaseline(
        float_sha256=report.reference_sha256,
        graph_sha256=report.graph_sha256,
        calibration=Images(report.calibration, report.calibration_sha256),
        evaluation=Images(report.evaluation, report.evaluation_sha256),
        versions={"edge-imgq": report.version, **{v.name: v.version for v in report.versions}},
        targets={target.target: figures(target) for target in report.targets},
    )


def figures(target: TargetReport) -> Figures:
    """Return the values of a target that a baseline keeps; None for those that were skipped.

    PSNR are in dB, mean errors in levels of 255, sizes in bytes, and input sizes as "180x320".
    """
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
    """Return `Figures.sizes`; for a resizable file, the size that it has."""
    if target.sizes:
        return tuple(map(_in_words, sorted(target.sizes)))
    row = format_of(Path(target.file))
    if row is not None and row.sizes == "any":
        return ()
    return None if isinstance(target.memory, Skipped) else (_in_words(target.memory.size),)


def _in_words(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
