"""Rules of accelerators as data: conditions for each operator, with the source of every row.

A rule repeats what an accelerator's source code or documentation says. It is a prediction: drivers
differ, and a phone may refuse an operator that the rules accept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Operand:
    """A tensor that an operator reads or writes.

    Attributes:
        name: name of the tensor in the file.
        shape: in the file's own layout.
        dtype: such as "float32" or "int8".
        constant: whether it is stored in the file.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    constant: bool = False


@dataclass(frozen=True)
class Node:
    """One operator of a file.

    Attributes:
        kind: operator name of the format, such as "CONV_2D" or "conv".
        inputs: in the format's order; None for an absent one.
        outputs: in the format's order.
        version: version of a TFLite operator.
        options: attributes by name, as plain Python values.
    """

    kind: str
    inputs: tuple[Operand | None, ...]
    outputs: tuple[Operand, ...]
    version: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)

    def operand(self, index: int) -> Operand:
        """Return the input at `index`, from 0.

        For an absent one it is an operand with name "", shape () and dtype "".
        """
        operand = self.inputs[index] if index < len(self.inputs) else None
        return operand or Operand("", (), "")

    @property
    def computed(self) -> tuple[Operand, ...]:
        """Inputs that are computed at run time rather than stored in the file, in order."""
        return tuple(o for o in self.inputs if o is not None and not o.constant)


Condition = Callable[[Node], str]
"""Returns the reason why an operator is not supported, or "" if the condition holds."""


@dataclass(frozen=True)
class Row:
    """Conditions on one kind of operator.

    Attributes:
        source: where they are published.
        conditions: all must hold.
    """

    source: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class OperatorSupport:
    """Whether an accelerator runs one operator.

    Attributes:
        taken: True if it does.
        reason: why it does not; "" if it does.
        source: of the rule; "" if a runtime was asked instead.
    """

    taken: bool
    reason: str = ""
    source: str = ""


@dataclass(frozen=True)
class Accelerator:
    """An accelerator with its table of rules.

    Attributes:
        name: for people, such as "GPU delegate".
        basis: where the rules come from, for "by the rules of …".
        rows: by operator name.
        missing: reason given for an operator without a row.
        everywhere: conditions on every operator, checked before its own row.
        default: row of operators that have none, in place of `missing`.
    """

    name: str
    basis: str
    rows: Mapping[str, Row]
    missing: str
    everywhere: Row = Row("")
    default: Row | None = None

    def verdict(self, node: Node) -> OperatorSupport:
        """Return whether the accelerator runs an operator, with the rule's source.

        If it does not, the reason is that of the first condition that fails: those on every
        operator come first, then those of its row. An operator without a row is not run, for the
        reason `missing`, unless there is a default row.
        """
        row = self.rows.get(node.kind, self.default)
        if row is None:
            return OperatorSupport(False, self.missing)
        for rule in (self.everywhere, row):
            for condition in rule.conditions:
                if reason := condition(node):
                    return OperatorSupport(False, reason, rule.source)
        return OperatorSupport(True, "", row.source)


@dataclass(frozen=True)
class AcceleratorPlacement:
    """The operators of a file that one accelerator runs.

    Attributes:
        unit: name of the accelerator.
        basis: how this is known: the name of a runtime, or "by the rules of …, not run".
        measured: whether a runtime reported it.
        verdicts: one per operator, in file order.
        partitions: number of subgraphs that the accelerator gets; each border costs a copy.
    """

    unit: str
    basis: str
    measured: bool
    verdicts: tuple[OperatorSupport, ...]
    partitions: int

    @property
    def taken(self) -> int:
        """Number of operators that the accelerator runs."""
        return sum(verdict.taken for verdict in self.verdicts)

    @property
    def refusals(self) -> tuple[OperatorSupport, ...]:
        """Verdicts on the operators that it does not run, in file order."""
        return tuple(verdict for verdict in self.verdicts if not verdict.taken)


def predict_placement(accelerator: Accelerator, nodes: Sequence[Node]) -> AcceleratorPlacement:
    """Predict which operators of a file an accelerator runs, by its rules; nothing is run.

    Args:
        accelerator: its rules.
        nodes: operators of the file, in execution order.

    Returns:
        One verdict per operator, and the number of partitions.
    """
    verdicts = tuple(accelerator.verdict(node) for node in nodes)
    taken = [verdict.taken for verdict in verdicts]
    basis = f"by the rules of {accelerator.basis}, not run"
    return AcceleratorPlacement(accelerator.name, basis, False, verdicts, partitions(nodes, taken))


def partitions(nodes: Sequence[Node], delegated: Sequence[bool]) -> int:
    """Count the subgraphs that a delegate gets, as TensorFlow Lite partitions a graph.

    Each subgraph takes all operators of one kind, delegated or not, whose inputs are available,
    until none is left; then one of the other kind begins (`graph_info.cc`). Only delegated ones
    count.

    Args:
        nodes: operators in execution order.
        delegated: for each, whether it is delegated.
    """
    waiting = list(range(len(nodes)))
    made_here = {operand.name for node in nodes for operand in node.outputs}
    ready: set[str] = set()
    count = 0
    while waiting:
        kind = delegated[next(i for i in waiting if _is_ready(nodes[i], ready, made_here))]
        count += kind
        while runnable := [
            i for i in waiting if delegated[i] == kind and _is_ready(nodes[i], ready, made_here)
        ]:
            ready |= {operand.name for i in runnable for operand in nodes[i].outputs}
            waiting = [i for i in waiting if i not in runnable]
    return count


def _is_ready(node: Node, ready: set[str], made_here: set[str]) -> bool:
    return all(o.name in ready or o.name not in made_here for o in node.computed)
