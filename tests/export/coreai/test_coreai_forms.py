"""Every operator's Core AI form, float and QDQ, run by Core AI against ONNX Runtime."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.export.coreml import program
from tests.export.choices import BODIES, image
from tests.export.choices import model as choice
from tests.export.coreml.forms_of_operators import CASES, SEED, inputs_of
from tests.export.coreml.witness import build, built, network, quantize, reference, scale_invariant

pytest.importorskip("coreai", reason="the extra [coreai] is not installed")

from edge_imgq.export.coreai.lowerings import LOWERINGS
from edge_imgq.export.coreai.program import translated

from .witness import run_all, write

Results = dict[str, dict[str, np.ndarray]]


SUMMED_IN_HALF = {"ConvTranspose of FSRCNN": 16}
"""Core AI for Linux sums transposed convolutions in float16 (plain ones in float32): 162 products
here. In units of float16's rounding of the largest result."""


IN_INTEGERS = (
    *("Conv", "Conv, depthwise", "ConvTranspose", "PRelu", "Add", "Mul", "MatMul"),
    *("AveragePool", "GlobalAveragePool", "Concat", "Pad, reflect", "Resize, linear", "Sigmoid"),
)
"""Cases that are tried between quantizers: what reads integers, and what writes them."""


def stored(name: str) -> str:
    """Return a case's name as one of a file."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


@pytest.fixture(scope="module")
def float_results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("float")
    for name, case in CASES.items():
        model = case(build)
        function = built(network(model)).functions["main"]
        write(function, inputs_of(model), folder, stored(name))
    return run_all(folder)


@pytest.mark.parametrize("name", CASES)
def test_the_float_form_agrees_with_onnx_runtime(name: str, float_results: Results) -> None:
    model = CASES[name](build)
    found = float_results[stored(name)]
    for index, wanted in enumerate(reference(model, inputs_of(model))):
        result = found[f"end{index}"]
        assert result.shape == wanted.shape
        # Weights, what is between and the result are rounded to 11 bits each.
        scale = max(1.0, float(np.abs(wanted).max()))
        most = SUMMED_IN_HALF.get(name, 4) * 2.0**-11 * scale
        np.testing.assert_allclose(result, wanted, rtol=0, atol=most)


@pytest.fixture(scope="module")
def integer_results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("integers")
    for name in IN_INTEGERS:
        model = CASES[name](build)
        inputs = inputs_of(model)
        view = network(quantize(model, inputs))
        levels = {t.name: np.float32(scale_invariant(t, inputs[t.name])) for t in view.inputs}
        write(built(view).functions["main"], levels, folder, stored(name))
    return run_all(folder)


@pytest.mark.parametrize("name", IN_INTEGERS)
def test_the_integer_form_agrees_with_onnx_runtime(name: str, integer_results: Results) -> None:
    model = CASES[name](build)
    inputs = inputs_of(model)
    qdq = quantize(model, inputs)
    results, view = integer_results[stored(name)], network(qdq)
    for index, (wanted, tensor) in enumerate(
        zip(reference(qdq, inputs), view.outputs, strict=True)
    ):
        assert tensor.quantization is not None
        off = np.abs(results[f"end{index}"] - np.rint(wanted / tensor.quantization.scale))
        report = f"seed {SEED}: {np.mean(off > 0):.4f} differ, the furthest by {off.max()}"
        assert np.mean(off <= 1) >= 0.999, report
        assert np.mean(off == 0) >= 0.9, report


def test_comparisons_and_choices_are_those_of_onnx_runtime(tmp_path: Path) -> None:
    inputs = {"x": image()}
    for name, body in BODIES.items():
        write(built(network(choice(body))).functions["main"], inputs, tmp_path, stored(name))
    found = run_all(tmp_path)
    for name, body in BODIES.items():
        (wanted,) = reference(choice(body), inputs)
        got = found[stored(name)]["end0"]
        np.testing.assert_allclose(got, wanted, rtol=2e-3, atol=2e-3, err_msg=name)


def test_whatever_core_ml_is_built_of_has_a_form() -> None:
    sources = "\n".join(path.read_text() for path in Path(program.__file__).parent.glob("*.py"))
    built_of = set(re.findall(r"\bmb\.([a-z_0-9]+)", sources)) - {"const"}
    assert len(built_of) > 50
    assert built_of - {"linear"} <= LOWERINGS.keys()


def test_a_product_of_integers_is_clipped_before_it_is_quantized() -> None:
    for name, clipped in (("Mul", True), ("Mul by a constant", False), ("Add", False)):
        model = CASES[name](build)
        view = network(quantize(model, inputs_of(model)))
        text = str(translated(built(view).functions["main"]))
        assert ("broadcasting_minimum" in text) == clipped, name
