"""Comparisons and choices in Core ML packages, against ONNX Runtime on the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.export.choices import BODIES, image, model
from tests.export.coreml.operators import assert_float_form, assert_integer_form, cases_of
from tests.export.tflite.witness import quantized


@pytest.mark.parametrize("name", BODIES)
def test_a_choice_is_that_of_onnx_runtime(name: str, road: Any, tmp_path: Path) -> None:
    network, inputs = model(BODIES[name]), {"x": image()}
    (wanted,) = road.reference(network, inputs)
    (got,) = road.run(road.network(network), inputs, tmp_path / "m.mlpackage")
    np.testing.assert_allclose(got, wanted, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", BODIES)
def test_a_choice_between_integers_is_that_of_its_graph(
    name: str, road: Any, tmp_path: Path
) -> None:
    inputs = {"x": image()}
    curved = ir.to_proto(rewrite(ir.from_proto(model(BODIES[name])), ["canonical"]))
    qdq = quantized(curved, inputs["x"])
    (wanted,), view = road.reference(qdq, inputs), road.network(qdq)
    (got,) = road.run(view, inputs, tmp_path / "m.mlpackage")
    quantization = view.outputs[0].quantization
    assert quantization is not None
    off = np.abs(got - np.rint(wanted / quantization.scale))
    assert off.max() <= 1
    assert np.mean(off > 0) < 0.05


CASES = cases_of("compare_select")


@pytest.mark.parametrize("name", CASES)
def test_the_float_form_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert_float_form(name, tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_the_integer_form_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert_integer_form(name, tmp_path)
