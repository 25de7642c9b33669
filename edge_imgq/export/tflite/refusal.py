"""What a lowering raises when TFLite has no exact form for an operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from edge_imgq.graph.network import Operation


class RefusedError(Exception):
    """One operation cannot be lowered; the message says why and what to do.

    It never leaves this package: `lower` collects all of them into one error.
    """


@dataclass(frozen=True)
class Refusal:
    """An operation that was refused, with the reason."""

    operation: Operation
    reason: str

    def __str__(self) -> str:
        """Return "Kind 'node': reason"."""
        return f"{self.operation.kind} '{self.operation.name}': {self.reason}"


def as_error(network: str, refusals: Sequence[Refusal]) -> UnsupportedOperatorError:
    """Return the one error that names every refused operation."""
    lines = "\n".join(f"  {refusal}" for refusal in refusals)
    operators = count_of(len(refusals), "operator")
    return UnsupportedOperatorError(
        f"TFLite has no form for {operators} of '{network}', so no file was written:\n{lines}"
    )
