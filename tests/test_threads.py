"""Threads that wait take no processor time, whatever else this process imports."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

OURS = ("OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def _after_import(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python code behind `import edge_imgq`, with no more said of threads than `variables`."""
    others = {name: value for name, value in os.environ.items() if name not in OURS}
    return subprocess.run(
        [sys.executable, "-c", f"import edge_imgq\n{code}"],
        check=True,
        capture_output=True,
        text=True,
        env={**others, **variables},
    )


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_numpy_multiplies_in_one_thread() -> None:
    code = (
        "import os, numpy as np; a = np.ones((600, 600)); a @ a; "
        "print(len(os.listdir('/proc/self/task')))"
    )
    assert _after_import(code).stdout.strip() == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="PyTorch has another OpenMP there")
def test_threads_of_pytorch_sleep_while_they_wait() -> None:
    """By GNU OpenMP itself, which says so where it is asked to."""
    said = _after_import("import torch", OMP_DISPLAY_ENV="VERBOSE").stderr
    assert "GOMP_SPINCOUNT = '0'" in said


def test_what_the_environment_says_of_threads_holds() -> None:
    code = "import os; print(os.environ['OMP_WAIT_POLICY'], os.environ['OPENBLAS_NUM_THREADS'])"
    said = _after_import(code, OMP_WAIT_POLICY="ACTIVE", OPENBLAS_NUM_THREADS="3").stdout
    assert said.split() == ["ACTIVE", "3"]
