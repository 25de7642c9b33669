"""Define the value of a quantity that could not be measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Skipped:
    """A quantity that was not measured. Reports show it; it is never a pass.

    Attributes:
        reason: why it was not measured, as a clause.
    """

    reason: str
