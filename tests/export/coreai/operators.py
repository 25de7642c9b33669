"""Forms of operators, written for Core AI, run by it, and compared with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tests.export.coreml.forms_of_operators import CASES, SEED, inputs_of
from tests.export.coreml.operators import file_of
from tests.export.coreml.witness import build, built, network, quantize, reference, scale_invariant

from .witness import run_all, write

Results = dict[str, dict[str, np.ndarray]]

SUMMED_IN_HALF = {"ConvTranspose of FSRCNN": 16}
"""Core AI for Linux sums transposed convolutions in float16 (plain ones in float32): 162 products
here. In units of float16's rounding of the largest result."""


def cases_of(*files: str) -> list[str]:
    """Return the cases whose forms files of `export/coreml` build."""
    return [name for name in CASES if file_of(name) in files]


def stored(name: str) -> str:
    """Return a case's name as one of a file."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def float_results(names: Iterable[str], folder: Path) -> Results:
    """Run the float forms of cases in Core AI, all in one process."""
    for name in names:
        model = CASES[name](build)
        function = built(network(model)).functions["main"]
        write(function, inputs_of(model), folder, stored(name))
    return run_all(folder)


def integer_results(names: Iterable[str], folder: Path) -> Results:
    """Run cases between quantizers in Core AI, all in one process."""
    for name in names:
        model = CASES[name](build)
        inputs = inputs_of(model)
        view = network(quantize(model, inputs))
        levels = {t.name: np.float32(scale_invariant(t, inputs[t.name])) for t in view.inputs}
        write(built(view).functions["main"], levels, folder, stored(name))
    return run_all(folder)


def assert_float_form(name: str, results: Results) -> None:
    """Assert that Core AI's results are those of ONNX Runtime, within the rounding of float16."""
    model = CASES[name](build)
    found = results[stored(name)]
    for index, wanted in enumerate(reference(model, inputs_of(model))):
        result = found[f"end{index}"]
        assert result.shape == wanted.shape
        # Weights, what is between and the result are rounded to 11 bits each.
        scale = max(1.0, float(np.abs(wanted).max()))
        most = SUMMED_IN_HALF.get(name, 4) * 2.0**-11 * scale
        np.testing.assert_allclose(result, wanted, rtol=0, atol=most)


def assert_integer_form(name: str, results: Results) -> None:
    """Assert that Core AI's integers are those of the QDQ model, a level off at most."""
    model = CASES[name](build)
    inputs = inputs_of(model)
    qdq = quantize(model, inputs)
    found, view = results[stored(name)], network(qdq)
    for index, (wanted, tensor) in enumerate(
        zip(reference(qdq, inputs), view.outputs, strict=True)
    ):
        assert tensor.quantization is not None
        off = np.abs(found[f"end{index}"] - np.rint(wanted / tensor.quantization.scale))
        report = f"seed {SEED}: {np.mean(off > 0):.4f} differ, the furthest by {off.max()}"
        assert np.mean(off <= 1) >= 0.999, report
        assert np.mean(off == 0) >= 0.9, report
