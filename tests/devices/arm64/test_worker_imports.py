"""What runs in the emulated Python needs no package but those that its set-up fetches."""

from __future__ import annotations

import subprocess
import sys

import pytest

OTHERS = ("onnx", "onnx_ir", "onnxruntime", "torch", "PIL", "rich", "skimage", "coremltools")

PROGRAM = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None  # imports of it fail
import edge_imgq.devices.{module}
import edge_imgq.runtime.litert
"""


@pytest.mark.parametrize("module", ["arm64.operator_worker", "session_worker"])
def test_a_worker_starts_without_packages_that_the_emulated_python_lacks(module: str) -> None:
    program = PROGRAM.format(module=module)
    done = subprocess.run(
        [sys.executable, "-c", program, ",".join(OTHERS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
