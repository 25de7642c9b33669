"""Operators on even and odd rows compute what they do on the image."""

from __future__ import annotations

import numpy as np
import pytest

from tests.export.tflite.kernel_rewrites.stacks import (
    BODIES,
    computed,
    fast,
    photo,
    stack,
)
from tests.graph.build import run


def test_a_file_on_halves_runs_at_other_even_sizes() -> None:
    model = stack(BODIES["residuals"])
    other = (24, 12)
    wanted = run(model, photo(other))[0].transpose(1, 2, 0)
    got = computed(fast(model).network, photo(other))[0]
    assert np.abs(got - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_operator_of_a_region_computes_the_same(body) -> None:
    model = stack(body)
    wanted = run(model, photo())[0].transpose(1, 2, 0)
    assert (
        np.abs(computed(fast(model).network, photo())[0] - wanted).max()
        < 1e-5 * np.abs(wanted).max()
    )
