"""What a format refuses of a network, and the one error that names all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.graph.network import Operation
from edge_imgq.wording import count_of, nodes_in_words


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


def as_error(
    form: str, network: str, refusals: Sequence[Refusal], alone: bool = True
) -> UnsupportedOperatorError:
    """Return the one error that names every operator that a format refuses.

    Args:
        form: what people call the format, e.g. "Core ML".
        network: its name.
        refusals: one at least.
        alone: whether no other target gets a file either.
    """
    reasons: dict[str, list[tuple[str, str]]] = {}
    for refusal in refusals:
        reasons.setdefault(refusal.reason, []).append((refusal.kind, refusal.node))
    lines = [
        f"  {words}: {reason}"
        for reason, nodes in reasons.items()
        for words in nodes_in_words(nodes)
    ]
    operators = count_of(len(refusals), "operator")
    so = ", so no file was written" if alone else ""
    heading = f"{form} has no form for {operators} of '{network}'{so}:"
    return UnsupportedOperatorError("\n".join([heading, *lines]))


INSTEAD = {
    "CumSum": (
        "a mean over a window by cumulative sums is an AveragePool in the model "
        "(torch's avg_pool2d with stride 1, behind a padding)"
    ),
    "Einsum": "write it with products, sums and transpositions in the model",
    "GridSample": (
        "what looks pixels up at computed places (a warp, a 3D table) can be left to the app, "
        "behind a network that ends at the table or the flow"
    ),
    "ScatterElements": "write what is stored into parts of a tensor with Concat or a pixel shuffle",
    "ScatterND": (
        "what is written into parts of a tensor can be joined by torch.cat, or interleaved by "
        "pixel_shuffle, in the model"
    ),
}
"""What a person can do about operators that no format has; others: write it with others."""


def instead(operation: Operation) -> str:
    """Return what a person can do about an operator that a format lacks."""
    said = INSTEAD.get(operation.kind, "write it with others in the model")
    equation = operation.attributes.get("equation")
    return said if equation is None else f"{said} (its equation is '{equation}')"
