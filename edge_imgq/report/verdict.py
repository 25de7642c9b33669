"""Verdicts on targets: measured values against a committed baseline and its tolerances."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_imgq.errors import RuntimeUnavailableError
from edge_imgq.report.baseline import (
    Baseline,
    Figures,
    ModelBaseline,
    figures,
    model_baseline,
)
from edge_imgq.report.comparison import changes_beyond_tolerance, lacks_sizes, other_sizes
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.report.unjudged import has_truth

Outcome = Literal[
    "pass", "improved", "new", "unjudged", "skipped", "regressed", "mismatched", "tampered"
]

QUALITY = "quality"
"""Requirement that a changed float model is judged against ground truth."""

NO_JUDGE = (
    "the float model is another one than the baseline's, and no truth says whether it is worse: "
    "give pairs with --images DIR, or accept it with --update"
)

NOT_EXPORTED = (
    "the report has no such target: export it together with the others, or drop it from the "
    "baseline with --update"
)

TargetKey = tuple[str, str]
"""Name of a model, and of its target."""


@dataclass(frozen=True)
class NotVouchedFor:
    """Why a file is not the one that its report measured.

    Attributes:
        reasons: one sentence each, without a full stop.
        altered: True if the file was changed, is damaged or is missing; False if it is whole and
            comes from another export.
    """

    reasons: tuple[str, ...]
    altered: bool = True

    @property
    def outcome(self) -> Outcome:
        """Outcome of the file's verdict: "tampered" if it was altered, else "mismatched"."""
        return "tampered" if self.altered else "mismatched"

    def adding(self, *reasons: str) -> NotVouchedFor:
        """Return a copy with further reasons after its own."""
        return dataclasses.replace(self, reasons=(*self.reasons, *reasons))


@dataclass(frozen=True)
class Verdict:
    """Verdict on one target.

    Attributes:
        model: Model name.
        target: Recipe stem.
        outcome: "pass"; "improved" by more than a tolerance; "new" if not in the baseline;
            "unjudged" if the float model changed and there is no ground truth to judge it by;
            "skipped" if it did not run here; "regressed" if it is over budget, worse by more than a
            tolerance, or missing from the export; "mismatched" if the file or its figures come from
            an export with other settings or images; "tampered" if the file was changed or is
            missing.
        fails: Whether the target makes the check fail.
        reasons: Reasons for the outcome, one sentence each.
        changes: Changes since the baseline that affect the values: weights, images, versions.
    """

    model: str
    target: str
    outcome: Outcome
    fails: bool
    reasons: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


def judge(
    reports: Sequence[Report],
    baseline: Baseline,
    unvouched: Mapping[TargetKey, NotVouchedFor] | None = None,
    required: Sequence[str] = (),
) -> tuple[Verdict, ...]:
    """Judge every target of the reports, and targets of the baseline that they lack.

    A target fails if it is over budget, worse than the baseline beyond a tolerance, of other
    images, not the measured file, or gone. Models of the baseline without a report are ignored.

    Args:
        reports: Reports on the files.
        baseline: Baseline to compare with.
        unvouched: Why a target's file is not the measured one, by (model, target).
        required: Targets that fail if skipped, new, unjudged or absent; "quality" makes all
            unjudged targets fail.

    Returns:
        Verdicts by report: its targets in order, then those that it lacks; last, one for each
        required target that no report has.
    """
    verdicts: list[Verdict] = []
    for report in reports:
        for target in report.targets:
            why = (unvouched or {}).get((report.model, target.target))
            verdicts.append(_verdict(report, target, baseline, why))
        verdicts += _absent(report, baseline)
    verdicts = [_required(verdict, required) for verdict in verdicts]
    there = {QUALITY, *(verdict.target for verdict in verdicts)}
    model = reports[0].model if len(reports) == 1 else "any model"
    return (*verdicts, *(_nowhere(model, name) for name in required if name not in there))


def fails_check(verdicts: Sequence[Verdict]) -> bool:
    """Return True if the check fails: one verdict or more fails, or there is none."""
    return not verdicts or any(verdict.fails for verdict in verdicts)


def by_budget(report: Report) -> tuple[Verdict, ...]:
    """Judge a report's targets by their recipes' budgets alone; no baseline is needed.

    One verdict per target: "pass"; "regressed" if it is over budget, faulty or not written; or
    "skipped" if the device did not run it.
    """
    verdicts = []
    for target in report.targets:
        broken = tuple(f"over budget: {breach}" for breach in target.breaches)
        outcome: Outcome = "regressed" if broken else "pass"
        verdicts.append(Verdict(report.model, target.target, outcome, bool(broken), broken))
    names = [failed.target for failed in report.failed]
    names += [Path(file.file).stem for file in report.not_run]
    return (*verdicts, *(_gone_or_skipped(report, name) for name in dict.fromkeys(names)))


def _verdict(
    report: Report, target: TargetReport, baseline: Baseline, why: NotVouchedFor | None
) -> Verdict:
    model, name = report.model, target.target
    known = baseline.models.get(model)
    before = known.targets.get(name) if known else None
    broken = tuple(f"over budget: {breach}" for breach in target.breaches)
    if known is None or before is None:
        return _new(model, name, known is None, why, broken)
    changes = changes_since(known, before, report, target)
    others = tuple(_other_images(known, report, bool(before.quantized_sha256)))
    worse, better = changes_beyond_tolerance(before, figures(target), target, baseline.tolerances)
    if others:
        outcome: Outcome = why.outcome if why else "mismatched"
        said = (*(why.reasons if why else ()), *others, *broken)
        return Verdict(model, name, outcome, True, said, changes)
    if why:
        return Verdict(model, name, why.outcome, True, (*why.reasons, *worse, *broken))
    if worse or broken:
        return Verdict(model, name, "regressed", True, (*worse, *broken), changes)
    if known.float_sha256 != report.reference_sha256 and not has_truth(report):
        return Verdict(model, name, "unjudged", False, (NO_JUDGE, *better), changes)
    outcome = "improved" if better else "pass"
    return Verdict(model, name, outcome, False, better, changes)


def _new(
    model: str, name: str, is_model: bool, why: NotVouchedFor | None, broken: tuple[str, ...]
) -> Verdict:
    """Judge a target that the baseline lacks; one of a known model passes within its budget."""
    if why:
        return Verdict(model, name, why.outcome, True, (*why.reasons, *broken))
    if broken:
        return Verdict(model, name, "regressed", True, broken)
    if is_model:
        reason = "the baseline does not know this model; add it with --update"
        return Verdict(model, name, "new", True, (reason,))
    return Verdict(model, name, "new", False, ("within its budget; add it with --update",))


def _absent(report: Report, baseline: Baseline) -> Iterator[Verdict]:
    """Yield verdicts on targets that the baseline has and the report lacks."""
    known = baseline.models.get(report.model)
    present = {target.target for target in report.targets}
    for name in known.targets if known else ():
        if name not in present:
            yield _gone_or_skipped(report, name)


def _gone_or_skipped(report: Report, name: str) -> Verdict:
    """Judge a target without values in the report: skipped, or regressed."""
    for failed in report.failed:
        if failed.target == name:
            return _gone(report, name, f"its export failed: {failed.reason}")
    for file in report.not_run:
        if Path(file.file).stem != name:
            continue
        reason = f"it {file.words}: {file.reason}"
        if file.exit_code in (0, RuntimeUnavailableError.exit_code):
            return Verdict(report.model, name, "skipped", False, (reason,))
        return _gone(report, name, reason)
    return _gone(report, name, NOT_EXPORTED)


def _gone(report: Report, name: str, reason: str) -> Verdict:
    return Verdict(report.model, name, "regressed", True, (reason,))


def _required(verdict: Verdict, required: Sequence[str]) -> Verdict:
    """Return the verdict, made to fail if the target is required and did not pass."""
    unjudged = verdict.outcome == "unjudged"
    if unjudged and QUALITY in required:
        why = f"quality is required with --require {QUALITY}"
    elif verdict.target in required and (unjudged or verdict.outcome in ("skipped", "new")):
        why = "it is required with --require"
    else:
        return verdict
    return dataclasses.replace(verdict, fails=True, reasons=(*verdict.reasons, why))


def _nowhere(model: str, name: str) -> Verdict:
    reason = "it is required with --require, and no report has it"
    return Verdict(model, name, "skipped", True, (reason,))


def _other_images(known: ModelBaseline, report: Report, quantized: bool) -> Iterator[str]:
    now = model_baseline(report)
    for verb, remedy, before, after in (
        ("measured", "check with --images DIR of those", known.evaluation, now.evaluation),
        (
            "calibrated",
            "export again with --calibration DIR of those",
            known.calibration,
            now.calibration,
        ),
    ):
        if before.sha256 == after.sha256 or (verb == "calibrated" and not quantized):
            continue
        same = before.words == after.words
        words = ", under the same names" if same else f" ({after.words}; there {before.words})"
        yield (
            f"{verb} on other images than the baseline{words}: {remedy}, or accept these figures "
            "with --update"
        )


def changes_since(
    known: ModelBaseline, before: Figures, report: Report, target: TargetReport
) -> tuple[str, ...]:
    """Return what changed since a target's baseline, in clauses; () if nothing did.

    They are on the float model, package versions, input sizes and, if none of these changed, on the
    quantized graph or the file. They explain changed values and are no verdict.

    Args:
        known: Baseline of the model.
        before: The target's values in it.
        report: Report on the model.
        target: The target's entry in it.
    """
    now = model_baseline(report)
    changes = []
    if known.graph_sha256 != now.graph_sha256:
        changes.append("the float model's graph changed")
    elif known.float_sha256 != now.float_sha256:
        changes.append("the float model's weights changed; its graph is as before")
    names = dict.fromkeys([*known.versions, *now.versions])
    changes += [
        f"{name} was {known.versions.get(name, 'absent')} and is {now.versions.get(name, 'absent')}"
        for name in names
        if known.versions.get(name) != now.versions.get(name)
    ]
    now_figures = figures(target)
    if sizes := other_sizes(before, now_figures):
        # Missing sizes are already the reason of the verdict.
        return tuple(changes) if lacks_sizes(before, now_figures) else (*changes, sizes)
    if not changes and before.quantized_sha256 != target.quantized_sha256:
        changes.append(
            "the quantized graph changed: other scales, from the same model and versions"
        )
    elif not changes and before.sha256 != target.sha256:
        changes.append("the file changed: written otherwise, from the same graph")
    return tuple(changes)
