"""Stand-ins for LiteRT's ahead-of-time compiler and for the emulator of a Hexagon."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from edge_imgq.chips import QUALCOMM, Vendor
from edge_imgq.export.npu.sdk import Sdk
from edge_imgq.runtime.worker import Worker
from edge_imgq.skipped import Skipped
from tests.export import npu

STAND_INS = Path(npu.__file__).resolve().parent


def write_compiler(root: Path) -> None:
    """Put the stand-in for LiteRT's compiler where the package would have it."""
    program = root / "tools" / "apply_plugin_main"
    program.parent.mkdir(parents=True)
    script = STAND_INS / "stand_in_compiler.py"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    program.chmod(0o755)


def find(vendor: Vendor) -> Sdk | Skipped:
    """Return Qualcomm's libraries, in name alone, and no other vendor's."""
    if vendor is QUALCOMM:
        return Sdk((STAND_INS,), "a test", STAND_INS / "__init__.py")
    return Skipped(f"{vendor.name}'s compiler is not installed here.")


def start(name: str, _command: Sequence[str]) -> Worker:
    return Worker(name, [sys.executable, str(STAND_INS / "stand_in_emulator.py")])
