"""Verdicts as text: the result first, then a row for each target, then why."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.report.drawing import draw, new_table, wrapped
from edge_imgq.report.verdict import Verdict
from edge_imgq.wording import count_of


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Return what the verdicts come to, one row per target, and every reason below."""
    table = new_table("model", "target", "verdict")
    for verdict in verdicts:
        table.add_row(verdict.model, verdict.target, verdict.outcome)
    parts = [wrapped(headline(verdicts)), draw(table)]
    parts.append("\n".join(wrapped(line, "  ") for line in reason_lines(verdicts)))
    if changes := change_lines(verdicts):
        lines = (wrapped(f"  {line}", "    ") for line in changes)
        parts.append("\n".join(["changed since the baseline:", *lines]))
    return "\n\n".join(part for part in parts if part)


def headline(verdicts: Sequence[Verdict]) -> str:
    """Return in a sentence whether the gate opens, and for how many targets it does not."""
    failing = [verdict for verdict in verdicts if verdict.fails]
    counts = {
        outcome: sum(verdict.outcome == outcome for verdict in verdicts)
        for outcome in ("tampered", "regressed", "skipped", "new", "improved", "pass")
    }
    counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    if failing:
        return f"FAIL: {len(failing)} of {count_of(len(verdicts), 'target')} ({counted})."
    return f"PASS: {count_of(len(verdicts), 'target')} ({counted})."


def reason_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Return every reason once, with the targets that it holds for."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for verdict in verdicts:
        for reason in verdict.reasons:
            key = (verdict.model, verdict.outcome, reason)
            groups.setdefault(key, []).append(verdict.target)
    return [
        f"{model} {', '.join(targets)}: {outcome}: {reason}"
        for (model, outcome, reason), targets in groups.items()
    ]


def change_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Return what changed since the baseline, once for each model."""
    lines = (f"{verdict.model}: {change}" for verdict in verdicts for change in verdict.changes)
    return list(dict.fromkeys(lines))
