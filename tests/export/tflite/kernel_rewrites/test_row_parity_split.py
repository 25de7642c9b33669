"""An image is split into rows once and interleaved once."""

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


def test_an_image_stays_in_halves_from_the_first_convolution_to_the_last() -> None:
    operations = fast(stack(BODIES["residuals"])).network.operations
    assert sum(op.name.endswith("/whole") for op in operations) == 1
    copies = [op for op in operations if op.name.endswith(("/even", "/odd")) and op.kind == "Conv"]
    assert [op.attributes["strides"] for op in copies] == [(2, 1), (2, 1)]
    assert {op.operand(0).name for op in copies} == {"image"}


@pytest.mark.parametrize("body", [BODIES["stack"], BODIES["residuals"]])
def test_rows_that_were_split_are_put_back_in_order(body) -> None:
    model = stack(body)
    wanted = run(model, photo())[0].transpose(1, 2, 0)
    assert (
        np.abs(computed(fast(model).network, photo())[0] - wanted).max()
        < 1e-5 * np.abs(wanted).max()
    )
