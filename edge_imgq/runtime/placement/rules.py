"""Rules as data: operator → conditions → taken, or why not, with the source of every row.

A rule says what an accelerator's own source or documentation says. It was not run: drivers differ,
and a phone may refuse what the rule takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Operand:
    """A tensor that an operator reads or writes, in the file's own layout."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    constant: bool = False


@dataclass(frozen=True)
class Node:
    """An operator of a file.

    Attributes:
        kind: the format's name of the operator.
        inputs: in the format's order; None for one that is absent.
        outputs: likewise.
        version: of a TFLite operator.
        options: attributes as plain values.
    """

    kind: str
    inputs: tuple[Operand | None, ...]
    outputs: tuple[Operand, ...]
    version: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)

    def operand(self, index: int) -> Operand:
        """Return an input; an empty one where it is absent."""
        found = self.inputs[index] if index < len(self.inputs) else None
        return found or Operand("", (), "")

    @property
    def computed(self) -> tuple[Operand, ...]:
        """The inputs that are computed at run time."""
        return tuple(o for o in self.inputs if o is not None and not o.constant)


Condition = Callable[[Node], str]
"""Returns why an operator is not taken; empty where the condition holds."""


@dataclass(frozen=True)
class Row:
    """One row of a table of rules.

    Attributes:
        source: where it is written.
        conditions: all must hold.
    """

    source: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class OperatorSupport:
    """What becomes of one operator.

    Attributes:
        taken: whether the accelerator runs it.
        reason: why not; empty where it does.
        source: of the rule; empty for a measurement.
    """

    taken: bool
    reason: str = ""
    source: str = ""


@dataclass(frozen=True)
class Accelerator:
    """An accelerator and its table.

    Attributes:
        name: in words.
        basis: whose rules these are, and of when.
        rows: by operator.
        everywhere: conditions on every operator, with their source.
        missing: why an operator without a row is not taken.
        default: the row of operators without one of their own, instead of `missing`.
    """

    name: str
    basis: str
    rows: Mapping[str, Row]
    missing: str
    everywhere: Row = Row("")
    default: Row | None = None

    def verdict(self, node: Node) -> OperatorSupport:
        """Return what the rules say of one operator."""
        row = self.rows.get(node.kind, self.default)
        if row is None:
            return OperatorSupport(False, self.missing)
        for part in (self.everywhere, row):
            for condition in part.conditions:
                if reason := condition(node):
                    return OperatorSupport(False, reason, part.source)
        return OperatorSupport(True, "", row.source)


@dataclass(frozen=True)
class Placed:
    """Where the operators of a file run, by one accelerator.

    Attributes:
        unit: the accelerator.
        basis: how this is known: a runtime, or "by the rules of …, not run".
        measured: whether a runtime said so.
        verdicts: one per operator, in the file's order.
        partitions: pieces that the accelerator takes them in; each border costs a copy.
    """

    unit: str
    basis: str
    measured: bool
    verdicts: tuple[OperatorSupport, ...]
    partitions: int

    @property
    def taken(self) -> int:
        """How many operators the accelerator takes."""
        return sum(verdict.taken for verdict in self.verdicts)

    @property
    def refusals(self) -> tuple[OperatorSupport, ...]:
        """The verdicts on the others."""
        return tuple(verdict for verdict in self.verdicts if not verdict.taken)


def placed(accelerator: Accelerator, nodes: Sequence[Node]) -> Placed:
    """Apply an accelerator's rules to all operators of a file, in the order of execution."""
    verdicts = tuple(accelerator.verdict(node) for node in nodes)
    taken = [verdict.taken for verdict in verdicts]
    basis = f"by the rules of {accelerator.basis}, not run"
    return Placed(accelerator.name, basis, False, verdicts, partitions(nodes, taken))


def partitions(nodes: Sequence[Node], taken: Sequence[bool]) -> int:
    """Return in how many pieces operators are taken.

    As TensorFlow Lite parts a graph (`graph_info.cc`): everything of one kind, taken or not, whose
    inputs are ready goes into one piece, as long as there is any; then the other kind begins.
    """
    waiting = list(range(len(nodes)))
    made_here = {operand.name for node in nodes for operand in node.outputs}
    ready: set[str] = set()
    count = 0
    while waiting:
        kind = taken[next(i for i in waiting if _is_ready(nodes[i], ready, made_here))]
        count += kind
        while runnable := [
            i for i in waiting if taken[i] == kind and _is_ready(nodes[i], ready, made_here)
        ]:
            ready |= {operand.name for i in runnable for operand in nodes[i].outputs}
            waiting = [i for i in waiting if i not in runnable]
    return count


def _is_ready(node: Node, ready: set[str], made_here: set[str]) -> bool:
    return all(o.name in ready or o.name not in made_here for o in node.computed)
