"""Bounds that float16 would take for 0: what is divided by them stays a number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.export.coreml.activation import float16_bound
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size

from ...graph.build import parsed
from .witness import run

BODY = "n = ReduceL2<keepdims=1>(image, a) c = Clip(n, floor) out = Div(image, c)"


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_a_norm_divides_black_pixels_too(level: float, tmp_path: Path) -> None:
    constants = {"a": np.array([1]), "floor": np.float32(1e-12)}
    model = rewrite(parsed(BODY, constants, "4,6", channels=3), ["canonical"])
    view = read_network(bind_size(model, (4, 6)))
    image = np.full((1, 3, 4, 6), level, np.float32)
    (got,) = run(view, {"image": image}, tmp_path / "m.mlpackage")
    wanted = 0.0 if level == 0 else 1 / np.sqrt(3)
    np.testing.assert_allclose(got, np.full_like(image, wanted), atol=2e-3)


@pytest.mark.parametrize(
    ("value", "kept"),
    [(0.0, 0.0), (0.5, 0.5), (1e-12, 2.0**-14), (-1e-12, -(2.0**-14)), (1e9, 65504.0)],
)
def test_a_bound_is_no_zero_unless_it_was_one(value: float, kept: float) -> None:
    assert float(float16_bound(value)) == kept
