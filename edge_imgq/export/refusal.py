"""What a format refuses of a network, and the one error that names all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.wording import count_of


@dataclass(frozen=True)
class Refusal:
    """An operator that a format has no form for.

    Attributes:
        kind: of the operator, as ONNX calls it.
        node: its name in the graph.
        reason: why, and what to do: a sentence without its capital, with its full stop.
    """

    kind: str
    node: str
    reason: str

    @property
    def operator(self) -> str:
        """The operator with its node, e.g. "Erf 'node_3'"."""
        return f"{self.kind} '{self.node}'"

    def __str__(self) -> str:
        """Return "Kind 'node': reason"."""
        return f"{self.operator}: {self.reason}"


def as_error(form: str, network: str, refusals: Sequence[Refusal]) -> UnsupportedOperatorError:
    """Return the one error that names every operator that a format refuses.

    Args:
        form: what people call the format, e.g. "Core ML".
        network: its name.
        refusals: one at least.
    """
    lines = "\n".join(f"  {refusal}" for refusal in refusals)
    operators = count_of(len(refusals), "operator")
    return UnsupportedOperatorError(
        f"{form} has no form for {operators} of '{network}', so no file was written:\n{lines}"
    )
