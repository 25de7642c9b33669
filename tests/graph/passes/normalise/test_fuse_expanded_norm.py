"""A norm whose product is multiplied out is gathered again, as a norm."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE
from tests.graph.passes.normalise.keras_graphs import (
    NORM_ENDS,
    NORM_START,
    NUMBERS,
)


@pytest.mark.parametrize("form", NORM_ENDS)
def test_a_norm_that_is_multiplied_out_is_gathered(form: str) -> None:
    names = {"x": "image", "axes": "channel", "gain": "g", "shift": "b"}
    body = (NORM_START + NORM_ENDS[form]).format(**names) + "out = Relu(y)"
    model = parsed(body, NUMBERS)
    rewritten = rewrite(model, ["canonical"])
    assert kinds(rewritten).count("ReduceMean") == 2
    assert "Neg" not in kinds(rewritten)
    assert "Pow" in kinds(rewritten), "it was not taken for a normalisation"
    np.testing.assert_allclose(run(rewritten, IMAGE), run(model, IMAGE), atol=2e-5)
