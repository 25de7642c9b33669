"""Graphs that are hard to prepare become ones that run; the original stays."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.quantize.quantize import quantize
from tests.graph.build import run
from tests.quantize.build import (
    CONTRACT,
    RECIPE,
    as_input,
    photo,
    residual_network,
)


def test_the_original_is_not_touched() -> None:
    original = residual_network()
    before = ir.to_proto(original).SerializeToString(deterministic=True)
    quantize(original, RECIPE, CONTRACT, [photo()])
    assert ir.to_proto(original).SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("case", ["black", "dead channel", "outlier", "tiny weights"])
def test_awkward_cases_still_give_a_model_that_runs(case: str) -> None:
    network = residual_network()
    photos = [np.zeros((16, 16, 3), np.uint8)] if case == "black" else [photo()]
    values = network.graph.initializers["w1"]
    array = values.const_value.numpy().copy()
    if case == "dead channel":
        array[0] = 0
    elif case == "outlier":
        array[0, 0, 0, 0] *= 1000
    elif case == "tiny weights":
        array *= 1e-8
    values.const_value = ir.tensor(array)
    quantized = quantize(network, RECIPE, CONTRACT, photos)
    assert np.isfinite(run(quantized, as_input(photo(3)), exact=True)).all()
