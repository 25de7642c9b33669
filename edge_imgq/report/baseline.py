"""A committed baseline: what a report's figures were, and how far they may move.

Only worsening counts. Host latency is not compared: it belongs to one machine on one day.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edge_imgq.report.report import Report, TargetReport
from edge_imgq.skipped import Skipped

Outcome = Literal["pass", "drifted", "missing", "unknown", "new"]


@dataclass(frozen=True)
class Tolerances:
    """How much worse a figure may become before its target has drifted.

    Attributes:
        drop_mean: growth of the mean loss against the truth, in dB.
        drop_worst: growth of the worst image's loss, in dB.
        vs_reference_mean: fall of the mean PSNR against the float reference, in dB.
        vs_reference_worst: fall of the worst image's, in dB.
        conversion_within_1: fall of the share of values within one level of the graph.
        bytes: growth of the file, as a share of its size.
    """

    drop_mean: float = 0.05
    drop_worst: float = 0.15
    vs_reference_mean: float = 0.5
    vs_reference_worst: float = 1.5
    conversion_within_1: float = 0.0005
    bytes: float = 0.02


@dataclass(frozen=True)
class Figures:
    """What is kept of one target; the fields are those of `Tolerances`.

    The two drops are None where there was no truth to measure against.
    """

    drop_mean: float | None
    drop_worst: float | None
    vs_reference_mean: float
    vs_reference_worst: float
    conversion_within_1: float
    bytes: int


@dataclass(frozen=True)
class ModelBaseline:
    """The targets of one model, and the images that their figures were measured on."""

    evaluation: str
    targets: Mapping[str, Figures]


@dataclass(frozen=True)
class Baseline:
    """A whole baseline file."""

    tolerances: Tolerances = field(default_factory=Tolerances)
    models: Mapping[str, ModelBaseline] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What a comparison came to for one target.

    Attributes:
        model: its name.
        target: the recipe's stem.
        outcome: "pass"; "drifted"; "missing", in the baseline and not in the report; "unknown", of
            a model that the baseline does not have; "new", a target more of a known model, held to
            its budget alone.
        reasons: one sentence each.
    """

    model: str
    target: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether the target may ship."""
        return self.outcome in ("pass", "new")


def judge(reports: Sequence[Report], baseline: Baseline) -> tuple[Verdict, ...]:
    """Compare every target of the reports, and find those that the reports lack.

    A model of the baseline that none of the reports is about is left out. A report of a model that
    the baseline does not know has nothing to be compared with, and does not pass.
    """
    verdicts: list[Verdict] = []
    for report in reports:
        if report.model not in baseline.models:
            verdicts += [_unknown(report, target) for target in report.targets]
            continue
        known = baseline.models[report.model]
        verdicts += [
            _verdict(report, target, known, baseline.tolerances) for target in report.targets
        ]
        present = {target.target for target in report.targets}
        why = _why_missing(report)
        verdicts += [
            Verdict(
                report.model, name, "missing", (why.get(name, "the report has no such target"),)
            )
            for name in known.targets
            if name not in present
        ]
    return tuple(verdicts)


def _why_missing(report: Report) -> dict[str, str]:
    """Return why a report has no figures of targets, where it says so."""
    failed = {f.target: f"its export failed: {f.reason}" for f in report.failed}
    not_run = {Path(f.file).stem: f"it did not run: {f.reason}" for f in report.not_run}
    return not_run | failed


def _unknown(report: Report, target: TargetReport) -> Verdict:
    reason = "the baseline does not know this model; add it with --update"
    return Verdict(report.model, target.target, "unknown", (reason,))


def updated(baseline: Baseline | None, reports: Sequence[Report]) -> Baseline:
    """Return a baseline with the reports' figures; tolerances and other models stay."""
    before = baseline or Baseline()
    models = dict(before.models)
    for report in reports:
        targets = {target.target: figures(target) for target in report.targets}
        models[report.model] = ModelBaseline(report.evaluation, targets)
    return Baseline(before.tolerances, models)


def figures(target: TargetReport) -> Figures:
    """Return what a baseline keeps of a target."""
    drop = None if isinstance(target.drop, Skipped) else target.drop
    return Figures(
        drop_mean=None if drop is None else drop.mean,
        drop_worst=None if drop is None else drop.worst,
        vs_reference_mean=target.vs_reference.mean,
        vs_reference_worst=target.vs_reference.worst,
        conversion_within_1=target.conversion.within_1,
        bytes=target.bytes,
    )


def _verdict(
    report: Report, target: TargetReport, known: ModelBaseline, tolerances: Tolerances
) -> Verdict:
    before = known.targets.get(target.target)
    reasons = [f"over budget: {breach}" for breach in target.breaches]
    if before is not None:
        if report.evaluation != known.evaluation:
            reasons.append(
                f"measured on other images ({report.evaluation}) than the baseline "
                f"({known.evaluation})"
            )
        reasons += _worsened(before, target, tolerances)
    if reasons:
        return Verdict(report.model, target.target, "drifted", tuple(reasons))
    return Verdict(report.model, target.target, "new" if before is None else "pass")


def _worsened(before: Figures, target: TargetReport, tolerances: Tolerances) -> list[str]:
    now = figures(target)
    reasons = []
    for entry in dataclasses.fields(Tolerances):
        name = entry.name
        old, new, allowed = getattr(before, name), getattr(now, name), getattr(tolerances, name)
        if old is None:
            continue
        if new is None:
            assert isinstance(target.drop, Skipped)
            reasons.append(f"{name} was not measured: {target.drop.reason}")
        elif _loss(name, old, new) > allowed:
            reasons.append(f"{name} went {_moved(name, old, new, allowed)}")
    return reasons


def _loss(name: str, old: float, new: float) -> float:
    """Return how much worse a figure became, in the terms of its tolerance."""
    if name == "bytes":
        return new / old - 1
    return new - old if name.startswith("drop") else old - new


def _moved(name: str, old: float, new: float, allowed: float) -> str:
    """Return in words, with their units, how far a figure moved and how far it may."""
    if name == "bytes":
        more = (new / old - 1) * 100
        return f"from {old} to {new}, {more:.3g} % more (tolerance {allowed * 100:g} %)"
    if name == "conversion_within_1":
        return f"from {old:.4f} to {new:.4f} of all values (tolerance {allowed:g} of them)"
    return f"from {old:.4g} to {new:.4g} dB (tolerance {allowed:g} dB)"
