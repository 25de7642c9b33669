"""What `inspect` needs in order to ask the targets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.port_networks import with_noise_map


def test_neither_torch_nor_coremltools_is_imported_to_ask_what_is_refused(tmp_path: Path) -> None:
    """They take two thirds of the time; torch is for ExecuTorch, which is asked where it is."""
    path = with_noise_map(tmp_path / "noise.onnx")
    code = (
        "import sys; from edge_imgq import formats, inspect\n"
        "formats.find_spec = lambda _module: None\n"
        f"print([target for target, why in inspect({str(path)!r}).exports.items() if not why])\n"
        "print({'torch', 'coremltools'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    able, imported = done.stdout.splitlines()
    assert "'coreml-int8'" in able
    assert imported == "set()"
