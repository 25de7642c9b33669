"""Verdicts as text: the result first, then a row for each target, then why."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.report.drawing import draw, new_table, wrapped
from edge_imgq.report.verdict import Verdict
from edge_imgq.wording import count_of

NO_TARGETS = "NOTHING COMPARED: neither the reports nor the baseline have a target of their models"
"""The headline of no verdicts at all, at which the gate stays shut."""


UNJUDGED = "another float model, and no truth to judge it by"
"""Why a headline is no PASS though nothing fails."""


def verdict_table(verdicts: Sequence[Verdict], notes: Sequence[str] = ()) -> str:
    """Return what the verdicts come to, a row for each target, the reasons and notes below."""
    table = new_table("model", "target", "verdict")
    for verdict in verdicts:
        table.add_row(verdict.model, verdict.target, verdict.outcome)
    parts = [wrapped(headline(verdicts)), draw(table)]
    for heading, reasons in reasons_by_target(verdicts).items():
        lines = (wrapped(f"  - {reason}", "    ") for reason in reasons)
        parts.append("\n".join([wrapped(f"{heading}:", "  "), *lines]))
    if changes := change_lines(verdicts):
        lines = (wrapped(f"  {line}", "    ") for line in changes)
        parts.append("\n".join(["changed since the baseline:", *lines]))
    parts.append("\n".join(wrapped(note, "  ") for note in notes))
    return "\n\n".join(part for part in parts if part)


def headline(verdicts: Sequence[Verdict]) -> str:
    """Return in a sentence whether the gate opens, and for how many targets it does not."""
    failing = [verdict for verdict in verdicts if verdict.fails]
    counts = {
        outcome: sum(verdict.outcome == outcome for verdict in verdicts)
        for outcome in ("tampered", "regressed", "skipped", "unjudged", "new", "improved", "pass")
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
    """Return the reasons below whose they are; targets of the same reasons stand together."""
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
    """Return what changed since the baseline, once for each model."""
    lines = (f"{verdict.model}: {change}" for verdict in verdicts for change in verdict.changes)
    return list(dict.fromkeys(lines))
