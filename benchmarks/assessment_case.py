"""A degraded photograph with its assessment, as the benchmark of assessments counts it."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.images.mixture import Severity
from edge_imgq.report.assessment import Assessment

NOTHING = "nothing"
"""Advice to run no network."""


@dataclass(frozen=True)
class Case:
    """One degraded photograph.

    Attributes:
        set: the photograph's set.
        scenario: how it was degraded.
        truth: how strongly.
        found: its assessment.
        gains: what every network really gains in dB of luma, and 0 for "nothing".
    """

    set: str
    scenario: str
    truth: Severity
    found: Assessment
    gains: dict[str, float]
