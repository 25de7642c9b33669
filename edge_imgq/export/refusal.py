"""Operators that a format cannot express, and the error that lists all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.graph.network import Operation
from edge_imgq.wording import count_of, nodes_in_words


@dataclass(frozen=True)
class Refusal:
    """An operator that a format cannot express.

    Attributes:
        kind: ONNX operator type.
        node: name of the node in the graph.
        reason: cause and remedy; a sentence that starts in lower case and ends with a full stop.
    """

    kind: str
    node: str
    reason: str

    @property
    def operator(self) -> str:
        """Operator type and node name, e.g. "Erf 'node_3'"."""
        return f"{self.kind} '{self.node}'"

    def __str__(self) -> str:
        """Format as "Kind 'node': reason"."""
        return f"{self.operator}: {self.reason}"


def as_error(
    format_name: str, network: str, refusals: Sequence[Refusal], alone: bool = True
) -> UnsupportedOperatorError:
    """Build, without raising it, one error that lists every refused operator by reason.

    Args:
        format_name: display name of the format, e.g. "Core ML".
        network: name of the network.
        refusals: at least one.
        alone: True if no other target writes a file either; the message then says that none was
            written.
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
    heading = f"{format_name} cannot express {operators} of '{network}'{so}:"
    return UnsupportedOperatorError("\n".join([heading, *lines]))


INSTEAD = {
    "CumSum": (
        "a mean over a window by cumulative sums is an AveragePool in the model "
        "(torch's avg_pool2d with stride 1, after a padding)"
    ),
    "Einsum": "write it with products, sums and transpositions in the model",
    "GridSample": (
        "what looks pixels up at computed places (a warp, a 3D table) can be left to the app, "
        "after a network that ends at the table or the flow"
    ),
    "ScatterElements": "write what is stored into parts of a tensor with Concat or a pixel shuffle",
    "ScatterND": (
        "what is written into parts of a tensor can be joined by torch.cat, or interleaved by "
        "pixel_shuffle, in the model"
    ),
}
"""Remedies for operators that no format supports; others get a general one."""


def instead(operation: Operation) -> str:
    """Return a remedy for an unsupported operator, as a clause without a full stop.

    It is that of INSTEAD for the operator's kind, or a general one. An Einsum's equation is quoted.
    """
    said = INSTEAD.get(operation.kind, "write it with others in the model")
    equation = operation.attributes.get("equation")
    return said if equation is None else f"{said} (its equation is '{equation}')"
