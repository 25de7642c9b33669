"""Every operator also runs in tflite-runtime 2.14, which many apps still ship.

That package needs numpy below 2, so it lives in an environment of its own. Make one and name its
interpreter:

    python3.11 -m venv /tmp/old && /tmp/old/bin/pip install tflite-runtime==2.14.0 'numpy<2'
    EDGE_IMGQ_OLD_TFLITE=/tmp/old/bin/python pytest -m peer tests/export/tflite
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from .cases import EVERY, QUANTIZABLE
from .witness import Case, lowered, quantized, run_litert, to_file

VARIABLE = "EDGE_IMGQ_OLD_TFLITE"
SEED = 13

WIDTH = 400
STRETCHED = {
    f"linear {grid} {factor} times as wide": Case(
        f'y = Resize<mode="linear", coordinate_transformation_mode="{grid}">(x, , , n)',
        (1, 3, 3, WIDTH),
        {"n": np.array([1, 3, 3, factor * WIDTH])},
    )
    for grid in ("half_pixel", "align_corners")
    for factor in (2, 3, 5, 6)
}
"""Wide rows: what an integer kernel's spacing is off by adds up along them. Int8 files alone: in
float32 the positions themselves are off by some 1e-5 of a pixel here."""

SCRIPT = """
import pathlib, sys
import numpy as np
from tflite_runtime.interpreter import Interpreter
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.tflite")):
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    values = np.load(path.with_suffix(".in.npy"))
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.save(path.with_suffix(".out.npy"), result)
"""


def stem(name: str, kind: str) -> str:
    return f"{name.replace(' ', '_')}-{kind}"


def write(folder: Path, name: str, data: bytes, values: np.ndarray) -> None:
    (folder / f"{name}.tflite").write_bytes(data)
    np.save(folder / f"{name}.in.npy", values)
    np.save(folder / f"{name}.here.npy", run_litert(data, values))


@pytest.mark.peer
def test_all_operators_run_in_tflite_runtime_2_14(tmp_path: Path) -> None:
    python = os.environ.get(VARIABLE)
    if not python:
        pytest.skip(f"no environment with tflite-runtime 2.14: set {VARIABLE} to its python")
    random = np.random.default_rng(SEED)
    for name, case in {**EVERY, **STRETCHED}.items():
        values = random.uniform(-2, 2, case.shape).astype(np.float32)
        model = case.model()
        if name not in STRETCHED:
            write(tmp_path, stem(name, "float"), lowered(model), to_file(values))
        if name in STRETCHED or name in QUANTIZABLE:
            pixels = random.integers(0, 256, to_file(values).shape, dtype=np.uint8)
            write(tmp_path, stem(name, "int8"), lowered(quantized(model, values)), pixels)
    subprocess.run([python, "-c", SCRIPT, str(tmp_path)], check=True, timeout=300)
    wrong = []
    for path in sorted(tmp_path.glob("*.tflite")):
        here = np.load(path.with_suffix(".here.npy")).astype(float)
        there = np.load(path.with_suffix(".out.npy")).astype(float)
        # The old int8 bilinear kernel interpolates with fewer bits.
        limit = 1e-5 if path.stem.endswith("float") else 1 + path.stem.startswith("linear")
        if here.shape != there.shape or np.abs(here - there).max() > limit:
            wrong.append(f"{path.stem}: {np.abs(here - there).max()}")
    assert not wrong
