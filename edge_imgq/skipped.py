"""The value of a thing that could not be measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Skipped:
    """Not measured, for a reason that every report shows. It is never a pass."""

    reason: str
