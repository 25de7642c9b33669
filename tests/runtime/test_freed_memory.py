"""What native code has freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GROWN = """
from pathlib import Path
import numpy as np
from edge_imgq.runtime.freed_memory import give_back

def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])

arrays = [np.ones(10_000) for _ in range(1000)]
top = np.ones(10_000)
del arrays
kept = resident()
give_back()
print((kept - resident()) * 4096)
del top
"""
"""80 MB below something that is still there: glibc gives none of it back by itself."""


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="Linux alone tells a process's memory"
)
def test_freed_memory_below_what_is_in_use_is_given_back() -> None:
    given = subprocess.run(
        [sys.executable, "-c", GROWN], capture_output=True, text=True, check=True
    ).stdout
    assert int(given) > 60e6


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_imgq.runtime import freed_memory

    monkeypatch.setattr(freed_memory, "glibc", lambda: None)
    freed_memory.give_back()
    freed_memory.keep_between_uses()
