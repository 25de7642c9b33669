"""Result of `edge-imgq check`: verdicts and the values compared, for all output formats."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.report.baseline import Baseline, Figures, figures
from edge_imgq.report.comparison import other_sizes
from edge_imgq.report.drawing import ABSENT, byte_count
from edge_imgq.report.format_metrics import decibels
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.report.unjudged import without_truth
from edge_imgq.report.verdict import Outcome, Verdict, fails_check


@dataclass(frozen=True)
class BaselineComparison:
    """Comparison of reports with a baseline.

    Attributes:
        verdicts: One verdict per target and per shipped copy.
        reports: Reports on the models, with the current values.
        baseline: Baseline that they were compared with.
    """

    verdicts: tuple[Verdict, ...]
    reports: tuple[Report, ...]
    baseline: Baseline

    @property
    def fails(self) -> bool:
        """True if the check fails: one verdict or more fails, or there is none."""
        return fails_check(self.verdicts)

    @property
    def outcome(self) -> Outcome:
        """Overall outcome: "regressed", "skipped", "unjudged" or "pass".

        "regressed" if the check fails; else "skipped" if every verdict is, "unjudged" if one is,
        "pass" otherwise.
        """
        if self.fails:
            return "regressed"
        outcomes = {verdict.outcome for verdict in self.verdicts}
        if outcomes == {"skipped"}:
            return "skipped"
        return "unjudged" if "unjudged" in outcomes else "pass"

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence per model whose quality was not judged, for lack of ground truth."""
        return without_truth(self.reports)

    def now(self, verdict: Verdict) -> TargetReport | None:
        """Return the report on a verdict's target; None if it is missing, or a shipped copy."""
        for report in self.reports:
            for target in report.targets:
                if (report.model, target.target) == (verdict.model, verdict.target):
                    return target
        return None

    def before(self, verdict: Verdict) -> Figures | None:
        """Return the baseline values of a verdict's target; None if the baseline lacks it."""
        known = self.baseline.models.get(verdict.model)
        return known.targets.get(verdict.target) if known else None

    def is_news(self, verdict: Verdict) -> bool:
        """Return True if a target has values to accept with --update.

        It has if it is improved, new, unjudged or of other input sizes than the baseline's. Values
        of a mismatched or tampered file are none.
        """
        if verdict.outcome in ("improved", "new", "unjudged"):
            return True
        target, known = self.now(verdict), self.before(verdict)
        if target is None or known is None or verdict.outcome in NOT_THE_MEASURED:
            return False
        return bool(other_sizes(known, figures(target)))

    def cells(self, verdict: Verdict) -> tuple[str, ...]:
        """Return the table cells of a verdict's target, as text.

        They are the size, mean PSNR to the float model and to the truth in dB, and mean drop in dB.
        Where the baseline's value differs, a cell is "new (was old)". All are a dash without
        current values.
        """
        target, known = self.now(verdict), self.before(verdict)
        if target is None:
            return (ABSENT,) * len(COLUMNS)
        now = _texts(figures(target))
        before = now if known is None else _texts(known)
        return tuple(
            new if new == old else f"{new} (was {old})"
            for new, old in zip(now, before, strict=True)
        )


COLUMNS = ("size", "dB to float", "dB to truth", "drop, dB")
"""Headings of `BaselineComparison.cells`."""

NOT_THE_MEASURED = ("mismatched", "tampered")
"""Outcomes of files or figures that are not those to compare."""

SYMBOLS = {
    "pass": "✔", "improved": "▲", "new": "+", "unjudged": "?", "skipped": "○", "regressed": "✖",
    "mismatched": "≠", "tampered": "⚠",
}  # fmt: skip
"""Symbol per outcome, so that colour is not needed to tell them apart."""


def _texts(values: Figures) -> tuple[str, ...]:
    """Return the values of `COLUMNS` as text."""
    near = values.vs_reference_mean
    return (
        byte_count(values.bytes),
        decibels(near, 2),
        ABSENT if values.psnr is None else f"{values.psnr:.2f}",
        # Adding zero turns a rounded -0.0 into 0.0.
        ABSENT if values.drop_mean is None else f"{round(values.drop_mean, 3) + 0:.3f}",
    )
