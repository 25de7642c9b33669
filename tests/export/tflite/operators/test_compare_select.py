"""Comparisons and choices: LiteRT on the file against ONNX Runtime on the graph."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from tests.export.choices import BODIES, image, model
from tests.export.tflite.witness import (
    NOTE,
    from_file,
    kinds,
    levels_of_both,
    lower,
    lowered,
    quantized,
    run_litert,
    run_onnx,
    to_file,
)


@pytest.mark.parametrize("name", BODIES)
def test_a_choice_is_that_of_onnx_runtime(name: str) -> None:
    network, values = model(BODIES[name]), image()
    wanted = run_onnx(network, values)
    assert np.isfinite(wanted).all()
    got = from_file(run_litert(lowered(network), to_file(values)))
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", BODIES)
def test_a_choice_in_an_int8_file_is_that_of_its_graph(name: str) -> None:
    network, values = model(BODIES[name]), image()
    curved = ir.to_proto(rewrite(ir.from_proto(network), ["canonical"]))
    wanted, got = levels_of_both(quantized(curved, values), values)
    assert np.abs(wanted - got).max() <= 1
    assert np.mean(wanted != got) < 0.02


def test_a_choice_by_a_constant_stays_out_of_integers() -> None:
    file = lower(read_network(ir.from_proto(model(BODIES["Where"]))), NOTE)
    assert "SELECT_V2" in kinds(file)
