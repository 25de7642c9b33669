"""Winograd F(2, 3) over rows: LiteRT computes what ONNX Runtime does, with fewer products."""

from __future__ import annotations

import numpy as np
import pytest

from tests.export.tflite.kernel_rewrites.stacks import (
    BODIES,
    SIZE,
    computed,
    fast,
    photo,
    products,
    stack,
)
from tests.graph.build import run


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_float_file_on_halves_agrees_with_onnx_runtime(body) -> None:
    model = stack(body)
    network = fast(model).network
    assert any(op.name.endswith("/product0") for op in network.operations)
    wanted = run(model, photo())[0].transpose(1, 2, 0)
    assert np.abs(computed(network, photo())[0] - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_a_stack_takes_two_thirds_of_the_products() -> None:
    plain = 2 * 9 * 32 * 32 * SIZE[0] * SIZE[1]
    first_and_last = (9 * 32 + 36 * 32) * SIZE[0] * SIZE[1]  # the last in blocks of 4 × 4
    assert products(fast(stack(BODIES["stack"])).network) <= plain * 2 / 3 + first_and_last
