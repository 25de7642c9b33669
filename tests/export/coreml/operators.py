"""Which cases belong to which file of `export/coreml`, and what each form must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_imgq.export.coreml.lowerings import LOWERINGS
from tests.export.coreml.forms_of_operators import CASES, SEED, inputs_of
from tests.export.coreml.witness import build, network, quantize, reference, run

STEPPED = {"Round", "Floor", "Ceil", "Sign"}
"""Cases whose few results lie on ties of eight bits, all values of one result at once. Round stands
between quantizers only as part of a normalisation; the others are a level off at most."""


def file_of(name: str) -> str:
    """Return the file of the function that builds the form of a case."""
    kind = name.split(",")[0].split(" ")[0]
    return LOWERINGS[kind].build.__module__.rpartition(".")[2]


def cases_of(file: str) -> list[str]:
    return [name for name in CASES if file_of(name) == file]


def assert_float_form(name: str, folder: Path) -> None:
    """Assert that a float16 package computes what ONNX Runtime computes of the model."""
    model = CASES[name](build)
    inputs = inputs_of(model)
    expected = reference(model, inputs)
    results = run(network(model), inputs, folder / "m.mlpackage")
    for result, wanted in zip(results, expected, strict=True):
        assert result.shape == wanted.shape
        # Weights and result are rounded to 11 bits each.
        scale = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(result, wanted, rtol=0, atol=2 * 2.0**-11 * scale)


def assert_integer_form(name: str, folder: Path) -> None:
    """Assert that a W8A8 package is within a level of the QDQ model, and mostly equal to it."""
    model = CASES[name](build)
    inputs = inputs_of(model)
    qdq = quantize(model, inputs)
    view = network(qdq)
    assert view.is_quantized
    expected = reference(qdq, inputs)
    results = run(view, inputs, folder / "m.mlpackage")
    for result, wanted, tensor in zip(results, expected, view.outputs, strict=True):
        assert tensor.quantization is not None
        off = np.abs(result - np.rint(wanted / tensor.quantization.scale))
        report = f"seed {SEED}: {np.mean(off > 0):.4f} differ, the furthest by {off.max()}"
        assert result.shape == wanted.shape
        assert np.mean(off <= 1) >= 0.999, report
        assert np.mean(off == 0) >= (0.3 if name in STEPPED else 0.9), report
