"""Text form of verdicts: headline, a row per target, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from edge_imgq.report.drawing import draw, new_table, wrapped
from edge_imgq.report.verdict import Outcome, Verdict
from edge_imgq.wording import count_of

NO_TARGETS = "NOTHING COMPARED: neither the reports nor the baseline have a target of their models"
"""Headline for an empty list of verdicts, which fails the check."""


UNJUDGED = "another float model, and no truth to judge it by"
"""Reason in a headline that is neither PASS nor FAIL."""


def verdict_table(verdicts: Sequence[Verdict], notes: Sequence[str] = ()) -> str:
    """Return verdicts as text: headline, a row per target, reasons and changes.

    Lines have at most 80 columns.

    Args:
        verdicts: Verdicts, one row each in their order; without any, "NOTHING COMPARED".
        notes: Sentences below them.
    """
    table = new_table("model", "target", "verdict")
    for verdict in verdicts:
        table.add_row(verdict.model, verdict.target, verdict.outcome)
    paragraphs = [wrapped(headline(verdicts)), draw(table)]
    for heading, reasons in reasons_by_target(verdicts).items():
        lines = (wrapped(f"  - {reason}", "    ") for reason in reasons)
        paragraphs.append("\n".join([wrapped(f"{heading}:", "  "), *lines]))
    if changes := change_lines(verdicts):
        lines = (wrapped(f"  {line}", "    ") for line in changes)
        paragraphs.append("\n".join(["changed since the baseline:", *lines]))
    paragraphs.append("\n".join(wrapped(note, "  ") for note in notes))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def headline(verdicts: Sequence[Verdict]) -> str:
    """Return the overall result with counts: PASS, FAIL, NOT JUDGED or NOTHING COMPARED.

    FAIL if any verdict fails; else NOTHING COMPARED if all are skipped or there is none, NOT JUDGED
    if one is unjudged, PASS otherwise.
    """
    failing = [verdict for verdict in verdicts if verdict.fails]
    counts = {
        outcome: sum(verdict.outcome == outcome for verdict in verdicts)
        for outcome in reversed(get_args(Outcome))
    }
    counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    targets = count_of(len(verdicts), "target")
    if failing:
        return f"FAIL: {len(failing)} of {targets} ({counted})."
    if counts["skipped"] == len(verdicts):
        return f"NOTHING COMPARED: {targets} ({counted})." if verdicts else f"{NO_TARGETS}."
    if counts["unjudged"]:
        return f"NOT JUDGED: {targets} ({counted}): {UNJUDGED}."
    return f"PASS: {targets} ({counted})."


def reasons_by_target(verdicts: Sequence[Verdict]) -> dict[str, tuple[str, ...]]:
    """Return the reasons of verdicts by heading, "MODEL TARGETS OUTCOME".

    Targets of a model with equal outcomes and reasons share a heading; verdicts without reasons
    have none.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for verdict in verdicts:
        if verdict.reasons:
            key = (verdict.model, verdict.outcome, verdict.reasons)
            groups.setdefault(key, []).append(verdict.target)
    return {
        f"{model} {', '.join(targets)} {outcome}": reasons
        for (model, outcome, reasons), targets in groups.items()
    }


def change_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the changes since the baseline, each as "MODEL: change", without duplicates."""
    lines = (f"{verdict.model}: {change}" for verdict in verdicts for change in verdict.changes)
    return list(dict.fromkeys(lines))
