"""Runs translated programs in Core AI itself, all of a test in one process of its own.

Not in this one: processes that ran a file abort now and then while they end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge_imgq.export.coreai.program import translated

SCRIPT = """
import asyncio, os, sys
from pathlib import Path
import numpy as np
from coreai.authoring import AIModelAsset
from coreai.runtime import NDArray

async def run(path):
    values = np.load(path.with_suffix(".npz"))
    async with AIModelAsset.load(path).executable() as model:
        inputs = {name: NDArray(values[name]) for name in values.files}
        results = await model.load_function("main")(inputs)
        arrays = {name: np.array(array.numpy()) for name, array in results.items()}
        np.savez(path.with_suffix(".result.npz"), **arrays)

for path in sorted(Path(sys.argv[1]).glob("*.aimodel")):
    asyncio.run(run(path))
os._exit(0)
"""


def write(function: Any, inputs: Mapping[str, np.ndarray], folder: Path, name: str) -> None:
    """Write the Core AI file of a function of coremltools', and what it is to be run on."""
    translated(function).save_asset(folder / f"{name}.aimodel")
    np.savez(folder / f"{name}.npz", **inputs)


def run_all(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """Run every file of a folder in Core AI; return the results of each by their names."""
    words = [sys.executable, "-c", SCRIPT, str(folder)]
    with tempfile.TemporaryDirectory() as scratch:
        own = {**os.environ, "TMPDIR": scratch}
        done = subprocess.run(words, capture_output=True, text=True, env=own, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    suffix = ".result.npz"
    found = {p.name.removesuffix(suffix): np.load(p) for p in folder.glob(f"*{suffix}")}
    return {name: {key: values[key] for key in values.files} for name, values in found.items()}
