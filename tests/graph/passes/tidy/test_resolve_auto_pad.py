"""Padding that no size decides is stated in numbers."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.convolution import (
    convolution_of,
)
from edge_imgq.graph.passes.tidy.resolve_auto_pad import resolve_auto_pad
from tests.graph.build import run
from tests.graph.padded_windows import (
    KNOWN,
    OF_A_SIZE,
    model,
    only,
)
from tests.graph.passes.build import IMAGE


@pytest.mark.parametrize("expression", KNOWN)
def test_stated_padding_is_what_onnx_runtime_works_out(expression: str) -> None:
    graph = model(expression, "h,w")
    wanted = run(graph, IMAGE)
    assert resolve_auto_pad(graph) == 1
    assert "auto_pad" not in only(graph).attributes
    np.testing.assert_allclose(run(graph, IMAGE), wanted, atol=1e-5)


@pytest.mark.parametrize("expression", OF_A_SIZE)
def test_padding_that_a_size_decides_stays(expression: str) -> None:
    graph = model(expression)
    assert resolve_auto_pad(graph) == 0
    assert "auto_pad" in only(graph).attributes
    found = convolution_of(only(graph))
    assert found is None or found.pads is None
