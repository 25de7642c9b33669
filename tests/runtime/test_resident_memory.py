"""The resident memory of this process is what the kernel says of it elsewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.runtime.resident_memory import resident_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_is_the_kernels_own_figure_and_grows_with_what_is_touched() -> None:
    before = resident_bytes()
    touched = np.ones(16 << 20, np.uint8)
    after = resident_bytes()
    (said,) = re.findall(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert abs(int(said) * 1024 - after) < 2 << 20
    assert after - before > touched.nbytes * 3 / 4
