"""Stand-ins for LiteRT's ahead-of-time compiler and for the emulator of a Hexagon."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from edge_imgq.chips import QUALCOMM, Vendor
from edge_imgq.export.npu.sdk import Sdk
from edge_imgq.runtime.worker import Worker
from edge_imgq.skipped import Skipped
from tests.export import npu

STAND_INS = Path(npu.__file__).resolve().parent


def write_compiler(root: Path) -> Path:
    """Put the stand-in for LiteRT's compiler where the package would have it; return the folder."""
    program = root / "tools" / "apply_plugin_main"
    program.parent.mkdir(parents=True)
    script = STAND_INS / "stand_in_compiler.py"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    program.chmod(0o755)
    return root


def find(vendor: Vendor) -> Sdk | Skipped:
    """Return Qualcomm's libraries, in name alone, and no other vendor's."""
    if vendor is QUALCOMM:
        return Sdk((STAND_INS,), "a test", STAND_INS / "__init__.py")
    return Skipped(f"{vendor.name}'s compiler is not installed here.")


class Emulator(Worker):
    """A stand-in for the emulator, which takes another file once it is closed.

    Its process lives on: importing takes longer than all that it is asked.
    """

    idle: ClassVar[list[Emulator]] = []
    """Those that are closed."""

    @classmethod
    def start(cls, name: str, _command: Sequence[str]) -> Emulator:
        program = str(STAND_INS / "stand_in_emulator.py")
        return cls.idle.pop() if cls.idle else cls(name, [sys.executable, program])

    def close(self) -> None:
        """Wait for another file."""
        self.idle.append(self)

    @classmethod
    def end(cls) -> None:
        """End the processes."""
        while cls.idle:
            Worker.close(cls.idle.pop())
