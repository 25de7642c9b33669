"""The pass pipeline: phases of graph passes, their application, and a record of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

Pass = Callable[[ir.Model], int]
"""Rewrites a model in place and returns the number of rewrites."""

MAX_ROUNDS = 8
"""Largest number of rounds of a repeated group; every round is exact, so stopping is safe."""


@dataclass(frozen=True)
class PipelineEntry:
    """A pass at its position in the pipeline.

    Attributes:
        run: the pass.
        reason: what it is for at this position, as a clause for reports.
        after: passes that must run before it.
    """

    run: Pass
    reason: str
    after: tuple[Pass, ...] = ()

    @property
    def name(self) -> str:
        """Name of the pass in recipes and reports: its function's name with dashes."""
        return name_of(self.run)


@dataclass(frozen=True)
class Repeated:
    """Passes that enable each other, applied in rounds until none rewrites anything.

    Attributes:
        entries: in the order of a round.
        reason: why one round is not enough.
    """

    entries: tuple[PipelineEntry, ...]
    reason: str


@dataclass(frozen=True)
class Phase:
    """A sequence of passes with one aim.

    Attributes:
        name: one word.
        aim: property of the graph after the phase.
        entries: passes in order.
    """

    name: str
    aim: str
    entries: tuple[PipelineEntry | Repeated, ...]

    def passes(self) -> Iterator[PipelineEntry]:
        """Yield every pass in order; a pass of a repeated group once."""
        for entry in self.entries:
            yield from entry.entries if isinstance(entry, Repeated) else (entry,)


@dataclass(frozen=True)
class PhaseRecord:
    """The effect of a phase on a graph.

    Attributes:
        phase: name of the phase.
        fired: name of each pass and its number of rewrites, zero included.
        nodes: number of nodes of the graph after the phase.
    """

    phase: str
    fired: tuple[tuple[str, int], ...]
    nodes: int

    @property
    def count(self) -> int:
        """Number of rewrites of all passes."""
        return sum(count for _, count in self.fired)


Watcher = Callable[[PhaseRecord, ir.Model], None]
"""Called after each phase with its record and the graph. It must not change the graph; values that
passes inserted may have no shape yet.
"""


def name_of(graph_pass: Pass) -> str:
    """Return a pass's function name with dashes for underscores, such as "sub-pixel"."""
    return graph_pass.__name__.replace("_", "-")


def apply_phases(
    model: ir.Model, phases: Sequence[Phase], watcher: Watcher | None = None
) -> tuple[PhaseRecord, ...]:
    """Apply phases to a model in place, without inferring the shapes of inserted values.

    A repeated group ends when a round rewrites nothing, or after 8 rounds (MAX_ROUNDS). Nodes that
    no node reads are removed after every pass that rewrote something.

    Args:
        model: edited in place.
        phases: in order.
        watcher: called after each phase; None for no calls.

    Returns:
        One record per phase, in order.
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
    """Apply a pass or repeated group, and yield name and count of every run."""
    if isinstance(entry, PipelineEntry):
        yield entry.name, _run(model, entry)
        return
    for _ in range(MAX_ROUNDS):
        counts = [(one.name, _run(model, one)) for one in entry.entries]
        yield from counts
        if not any(count for _, count in counts):
            return


def _run(model: ir.Model, entry: PipelineEntry) -> int:
    count = entry.run(model)
    if count:
        RemoveUnusedNodesPass()(model)  # a dead reader would keep the next pass from its value
    return count
