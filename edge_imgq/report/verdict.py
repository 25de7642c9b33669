"""Verdicts on files: what was measured, against a committed baseline and its tolerances."""

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
from edge_imgq.report.comparison import lacks_sizes, moved, other_sizes
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.report.unjudged import has_truth

Outcome = Literal["pass", "improved", "new", "unjudged", "skipped", "regressed", "tampered"]

QUALITY = "quality"
"""What is required beside targets: that another float model is judged by the truth."""

NO_JUDGE = (
    "the float model is another one than the baseline's, and no truth says whether it is worse: "
    "give pairs with --images DIR, or accept it with --update"
)

Place = tuple[str, str]
"""A model's name and a target's."""


@dataclass(frozen=True)
class Verdict:
    """What a comparison came to for one target.

    Attributes:
        model: its name.
        target: the recipe's stem.
        outcome: "pass"; "improved", by more than a tolerance; "new", the baseline does not have it;
            "unjudged", the float model changed, and no truth says if it got worse; "skipped", it
            did not run here; "regressed", over budget or worse than a tolerance allows, or no
            export made it; "tampered", the file or the images are not those vouched for, or the
            file is gone.
        fails: whether the target keeps the gate shut.
        reasons: for the outcome, one sentence each.
        changes: since the baseline, that figures depend on: weights, images, versions.
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
    tampered: Mapping[Place, Sequence[str]] | None = None,
    required: Sequence[str] = (),
) -> tuple[Verdict, ...]:
    """Compare every target of the reports, and find those of their models that are gone.

    A model of the baseline that none of the reports is about is left out.

    Args:
        reports: on the files.
        baseline: what to compare with.
        tampered: why a target's file is not the one that was vouched for, by model and target.
        required: targets that must pass: skipped, new, unjudged or absent ones then fail; QUALITY
            for every target whose quality would be unjudged.
    """
    found: list[Verdict] = []
    for report in reports:
        for target in report.targets:
            why = tuple((tampered or {}).get((report.model, target.target), ()))
            found.append(_verdict(report, target, baseline, why))
        found += _absent(report, baseline)
    found = [_required(verdict, required) for verdict in found]
    there = {QUALITY, *(verdict.target for verdict in found)}
    model = reports[0].model if len(reports) == 1 else "any model"
    return (*found, *(_nowhere(model, name) for name in required if name not in there))


def keep_shut(verdicts: Sequence[Verdict]) -> bool:
    """Return whether verdicts keep the gate shut; no verdict at all is no pass."""
    return not verdicts or any(verdict.fails for verdict in verdicts)


def by_budget(report: Report) -> tuple[Verdict, ...]:
    """Judge the targets of a report by the budgets of their recipes alone."""
    found = []
    for target in report.targets:
        broken = tuple(f"over budget: {breach}" for breach in target.breaches)
        outcome: Outcome = "regressed" if broken else "pass"
        found.append(Verdict(report.model, target.target, outcome, bool(broken), broken))
    names = [failed.target for failed in report.failed]
    names += [Path(file.file).stem for file in report.not_run]
    return (*found, *(_gone_or_skipped(report, name) for name in dict.fromkeys(names)))


def _verdict(
    report: Report, target: TargetReport, baseline: Baseline, tampered: tuple[str, ...]
) -> Verdict:
    model, name = report.model, target.target
    known = baseline.models.get(model)
    before = known.targets.get(name) if known else None
    broken = tuple(f"over budget: {breach}" for breach in target.breaches)
    if known is None or before is None:
        return _new(model, name, known is None, tampered, broken)
    changes = changes_since(known, before, report, target)
    others = tuple(_other_images(known, report, bool(before.quantized_sha256)))
    worse, better = moved(before, figures(target), target, baseline.tolerances)
    if others:
        return Verdict(model, name, "tampered", True, (*tampered, *others, *broken), changes)
    if tampered:
        return Verdict(model, name, "tampered", True, (*tampered, *worse, *broken))
    if worse or broken:
        return Verdict(model, name, "regressed", True, (*worse, *broken), changes)
    if known.float_sha256 != report.reference_sha256 and not has_truth(report):
        return Verdict(model, name, "unjudged", False, (NO_JUDGE, *better), changes)
    outcome: Outcome = "improved" if better else "pass"
    return Verdict(model, name, outcome, False, better, changes)


def _new(
    model: str, name: str, is_model: bool, tampered: tuple[str, ...], broken: tuple[str, ...]
) -> Verdict:
    """Judge what the baseline lacks: a target more of a known model needs its budget alone."""
    if tampered or broken:
        outcome: Outcome = "tampered" if tampered else "regressed"
        return Verdict(model, name, outcome, True, (*tampered, *broken))
    if is_model:
        reason = "the baseline does not know this model; add it with --update"
        return Verdict(model, name, "new", True, (reason,))
    return Verdict(model, name, "new", False, ("within its budget; add it with --update",))


def _absent(report: Report, baseline: Baseline) -> Iterator[Verdict]:
    """Yield what the baseline has of a model, and its report has not."""
    known = baseline.models.get(report.model)
    present = {target.target for target in report.targets}
    for name in known.targets if known else ():
        if name not in present:
            yield _gone_or_skipped(report, name)


def _gone_or_skipped(report: Report, name: str) -> Verdict:
    """Judge a target that a report has no figures of."""
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
    return _gone(report, name, "the report has no such target")


def _gone(report: Report, name: str, reason: str) -> Verdict:
    return Verdict(report.model, name, "regressed", True, (reason,))


def _required(verdict: Verdict, required: Sequence[str]) -> Verdict:
    """Return the verdict on a target, which fails if it must pass and does not."""
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
    for verb, before, after in (
        ("measured", known.evaluation, now.evaluation),
        ("calibrated", known.calibration, now.calibration),
    ):
        if before.sha256 == after.sha256 or (verb == "calibrated" and not quantized):
            continue
        same = before.words == after.words
        words = "under the same names" if same else f"({after.words}; there {before.words})"
        yield f"{verb} on other images than the baseline, {words}".replace(
            "baseline, (", "baseline ("
        )


def changes_since(
    known: ModelBaseline, before: Figures, report: Report, target: TargetReport
) -> tuple[str, ...]:
    """Return what changed since the baseline that figures depend on, a sentence each."""
    now = model_baseline(report)
    found = []
    if known.graph_sha256 != now.graph_sha256:
        found.append("the float model's graph changed")
    elif known.float_sha256 != now.float_sha256:
        found.append("the float model's weights changed; its graph is as before")
    names = dict.fromkeys([*known.versions, *now.versions])
    found += [
        f"{name} was {known.versions.get(name, 'absent')} and is {now.versions.get(name, 'absent')}"
        for name in names
        if known.versions.get(name) != now.versions.get(name)
    ]
    now_figures = figures(target)
    if sizes := other_sizes(before, now_figures):
        # What is missing is the reason of the verdict.
        return tuple(found) if lacks_sizes(before, now_figures) else (*found, sizes)
    if not found and before.quantized_sha256 != target.quantized_sha256:
        found.append("the quantized graph changed: other scales, from the same model and versions")
    elif not found and before.sha256 != target.sha256:
        found.append("the file changed: written otherwise, from the same graph")
    return tuple(found)
