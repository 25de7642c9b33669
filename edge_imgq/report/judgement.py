"""Verdicts with the figures that they are about: the one value that every form is rendered from."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.report.baseline import Baseline, Figures
from edge_imgq.report.drawing import ABSENT, byte_count
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.report.verdict import Verdict
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import IDENTICAL


@dataclass(frozen=True)
class Judgement:
    """What a check came to.

    Attributes:
        verdicts: one for each target and each copy that ships.
        reports: on the models, with the figures of today.
        baseline: that they were compared with.
    """

    verdicts: tuple[Verdict, ...]
    reports: tuple[Report, ...]
    baseline: Baseline

    @property
    def fails(self) -> bool:
        """Whether any target keeps the gate shut."""
        return any(verdict.fails for verdict in self.verdicts)

    def now(self, verdict: Verdict) -> TargetReport | None:
        """Return the figures of today; None of what is gone, or of a copy."""
        for report in self.reports:
            for target in report.targets:
                if (report.model, target.target) == (verdict.model, verdict.target):
                    return target
        return None

    def before(self, verdict: Verdict) -> Figures | None:
        """Return the figures of the baseline; None where it has none."""
        known = self.baseline.models.get(verdict.model)
        return known.targets.get(verdict.target) if known else None

    def cells(self, verdict: Verdict) -> tuple[str, ...]:
        """Return size, dB to the float model, PSNR and drop, each with what it was if it moved."""
        now, before = self.now(verdict), self.before(verdict)
        if now is None:
            return (ABSENT,) * len(COLUMNS)
        drop = None if isinstance(now.drop, Skipped) else now.drop
        return (
            _moved(byte_count(now.bytes), before and byte_count(before.bytes)),
            _moved(_near(now.vs_reference.mean), before and _near(before.vs_reference_mean)),
            _moved(_two(drop and drop.psnr), before and _two(before.psnr)),
            _moved(_three(drop and drop.mean), before and _three(before.drop_mean)),
        )


COLUMNS = ("size", "dB to float", "dB to truth", "drop, dB")
"""What `Judgement.cells` returns, in words."""

SYMBOLS = {
    "pass": "✔", "improved": "▲", "new": "＋", "skipped": "○", "regressed": "✖", "tampered": "⚠",
}  # fmt: skip
"""Outcomes, for those who do not see colours."""


def _moved(now: str, before: str | None) -> str:
    return now if before in (None, now) else f"{now} (was {before})"


def _near(value: float) -> str:
    return "same" if value >= IDENTICAL else _two(value)


def _two(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}"


def _three(value: float | None) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    return ABSENT if value is None else f"{round(value, 3) + 0:.3f}"
