"""Phases of graph passes: what they consist of, and applying them, with what each did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

Pass = Callable[[ir.Model], int]
"""Changes a model in place and returns how many rewritings it did."""

MOST_ROUNDS = 8
"""Rounds after which passes that make work for each other are left; every round is exact."""


@dataclass(frozen=True)
class PipelineEntry:
    """A pass in its place.

    Attributes:
        run: the pass.
        reason: why it stands there.
        after: passes that must have come before it.
    """

    run: Pass
    reason: str
    after: tuple[Pass, ...] = ()

    @property
    def name(self) -> str:
        """The pass's name, as people read it."""
        return name_of(self.run)


@dataclass(frozen=True)
class Repeated:
    """Passes that make work for each other, applied in turn until none of them finds any.

    Attributes:
        entries: in the order of a round.
        reason: why one round is not enough.
    """

    entries: tuple[PipelineEntry, ...]
    reason: str


@dataclass(frozen=True)
class Phase:
    """A part of the way from a network as it was written to one that targets take.

    Attributes:
        name: one word.
        aim: what a graph is like after it.
        entries: passes in order.
    """

    name: str
    aim: str
    entries: tuple[PipelineEntry | Repeated, ...]

    def passes(self) -> Iterator[PipelineEntry]:
        """Yield every pass in order, those of a group once."""
        for entry in self.entries:
            yield from entry.entries if isinstance(entry, Repeated) else (entry,)


@dataclass(frozen=True)
class PhaseRecord:
    """What a phase did to a graph.

    Attributes:
        phase: its name.
        fired: name of each pass, and how many rewritings it did.
        nodes: of the graph, after it.
    """

    phase: str
    fired: tuple[tuple[str, int], ...]
    nodes: int

    @property
    def count(self) -> int:
        """Rewritings of all passes."""
        return sum(count for _, count in self.fired)


Watcher = Callable[[PhaseRecord, ir.Model], None]
"""Told of every phase, with the graph as it left it. It must not change the graph; values that
passes made may have no shape yet."""


def name_of(graph_pass: Pass) -> str:
    """Return a pass's name, as people read it."""
    return graph_pass.__name__.replace("_", "-")


def apply_phases(
    model: ir.Model, phases: Sequence[Phase], watcher: Watcher | None = None
) -> tuple[PhaseRecord, ...]:
    """Apply phases to a model, in place; shapes of what they made are not inferred.

    Args:
        model: changed.
        phases: in order.
        watcher: told of each.
    """
    records: list[PhaseRecord] = []
    for phase in phases:
        counts = {entry.name: 0 for entry in phase.passes()}
        for entry in phase.entries:
            for name, count in _applied(model, entry):
                counts[name] += count
        records.append(PhaseRecord(phase.name, tuple(counts.items()), len(model.graph)))
        if watcher is not None:
            watcher(records[-1], model)
    return tuple(records)


def _applied(model: ir.Model, entry: PipelineEntry | Repeated) -> Iterator[tuple[str, int]]:
    """Apply a pass or a group of them; yield what each did each time."""
    if isinstance(entry, PipelineEntry):
        yield entry.name, _run(model, entry)
        return
    for _ in range(MOST_ROUNDS):
        counts = [(one.name, _run(model, one)) for one in entry.entries]
        yield from counts
        if not any(count for _, count in counts):
            return


def _run(model: ir.Model, entry: PipelineEntry) -> int:
    count = entry.run(model)
    if count:
        RemoveUnusedNodesPass()(model)  # a dead reader would keep the next pass from its value
    return count
