"""Comparisons and choices in Core AI against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.export.choices import BODIES, image
from tests.export.choices import model as choice
from tests.export.coreml.witness import built, network, reference

pytest.importorskip("coreai", reason="the extra [coreai] is not installed")

from .operators import Results, assert_float_form, cases_of, stored
from .witness import run_all, write

CASES = cases_of("compare_select")


@pytest.mark.parametrize("name", CASES)
def test_the_float_form_agrees_with_onnx_runtime(name: str, results: Results) -> None:
    assert_float_form(name, results)


def test_comparisons_and_choices_are_those_of_onnx_runtime(tmp_path: Path) -> None:
    inputs = {"x": image()}
    for name, body in BODIES.items():
        write(built(network(choice(body))).functions["main"], inputs, tmp_path, stored(name))
    found = run_all(tmp_path)
    for name, body in BODIES.items():
        (wanted,) = reference(choice(body), inputs)
        got = found[stored(name)]["end0"]
        np.testing.assert_allclose(got, wanted, rtol=2e-3, atol=2e-3, err_msg=name)
