"""Text tables of the passes that rewrote a graph."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.report.description import PassesOfTargets, PhaseRow
from edge_imgq.report.drawing import ABSENT, draw, listed, new_table, wrapped


def pass_tables(passes: Sequence[PassesOfTargets]) -> str:
    """Return text tables of the graph passes: one for the leading phases that all targets share.

    The rest of each group of targets has a table of its own. Rows count the rewrites of a pass and
    the nodes after it. Passes that rewrote nothing are left out; a phase in which none did keeps an
    empty row.

    Args:
        passes: One entry per group of targets with equal passes.
    """
    rewritten = [entry for entry in passes if entry.phases]
    common = _common([entry.phases for entry in rewritten])
    paragraphs = []
    if common:
        shared = [target for entry in rewritten for target in entry.targets]
        paragraphs.append(_phase_table(f"passes for {listed(shared)}", rewritten[0].nodes, common))
    for entry in rewritten:
        own = entry.phases[len(common) :]
        if own:
            before = common[-1].nodes if common else entry.nodes
            paragraphs.append(_phase_table(f"passes for {listed(entry.targets)}", before, own))
    left = [target for entry in passes if not entry.phases for target in entry.targets]
    if left:
        paragraphs.append(wrapped(f"no passes for {listed(left)}", "  "))
    return "\n\n".join(paragraphs)


def _common(lists: Sequence[tuple[PhaseRow, ...]]) -> tuple[PhaseRow, ...]:
    """Return the longest common prefix of all lists; empty for fewer than two lists."""
    if len(lists) < 2:
        return ()
    count = 0
    while all(len(rows) > count and rows[count] == lists[0][count] for rows in lists):
        count += 1
    return lists[0][:count]


def _phase_table(heading: str, nodes: int, phases: Sequence[PhaseRow]) -> str:
    """Return a table of phases; the last row of a phase has the node count after it."""
    table = new_table("phase", "pass", ">fired", ">nodes", "purpose")
    table.add_row("", "", "", str(nodes), "before")
    for phase in phases:
        cells = [(row.name, str(row.count), row.reason) for row in phase.passes if row.count]
        cells = cells or [(ABSENT, "", "")]
        for index, (name, fired, reason) in enumerate(cells):
            after = str(phase.nodes) if index == len(cells) - 1 else ""
            table.add_row("" if index else phase.name, name, fired, after, reason)
    return f"{wrapped(heading, '  ')}\n{draw(table)}"
