"""What an examination of a machine found: the value behind `edge-imgq doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "absent", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: its name.
        state: "ok"; "absent", and nothing needs it; "missing", and commands fail without it.
        detail: the version, or what was found.
        advice: what to do, in a line or several; empty where there is nothing to do.
    """

    what: str
    state: State
    detail: str
    advice: str = ""
