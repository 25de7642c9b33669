"""A batch normalisation that no convolution takes in is a depthwise 1×1 convolution."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.passes.express.batch_norm_to_conv import batch_norm_to_conv
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE, weights


@pytest.mark.parametrize("epsilon", [1e-5, 0.1])
def test_it_computes_the_same_and_looks_at_one_channel_at_a_time(epsilon: float) -> None:
    constants = {
        "g": weights(6), "b": weights(6) + 1, "m": weights(6) - 1, "v": np.abs(weights(6)) + 0.1,
    }  # fmt: skip
    constants = {name: values.astype(np.float32) for name, values in constants.items()}
    model = parsed(f"out = BatchNormalization<epsilon={epsilon}>(image, g, b, m, v)", constants)
    wanted = run(model, IMAGE, exact=True)
    assert batch_norm_to_conv(model) == 1
    assert kinds(model) == ["Conv"]
    assert model.graph[0].attributes.get_int("group") == 6
    np.testing.assert_allclose(run(model, IMAGE, exact=True), wanted, atol=2e-5)
