"""A finding of `edge-imgq doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "absent", "missing"]


@dataclass(frozen=True)
class Finding:
    """State of one component of this machine.

    Attributes:
        what: Name of the component.
        state: "ok"; "absent" if it is optional; "missing" if commands fail without it.
        detail: Version, or a description of the state.
        advice: What to do, one or more lines; empty for nothing.
    """

    what: str
    state: State
    detail: str
    advice: str = ""
