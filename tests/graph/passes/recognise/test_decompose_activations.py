"""Rare activations are made of those that all targets have."""

from __future__ import annotations

import numpy as np
import pytest

from tests.graph.passes.build import assert_same

ACTIVATIONS = {
    "softplus": "out = Softplus(image)",
    "mish": "out = Mish(image)",
    "selu": "out = Selu(image)",
    "selu of other numbers": "out = Selu<alpha=1.5, gamma=0.8>(image)",
    "celu": "out = Celu<alpha=1.7>(image)",
    "elu": "out = Elu<alpha=0.3>(image)",
    "softsign": "out = Softsign(image)",
    "soft threshold": "out = Shrink<lambd=0.4, bias=0.4>(image)",
    "hard threshold": "out = Shrink<lambd=2.0>(image)",
    "threshold with another step": "out = Shrink<lambd=1.5, bias=0.25>(image)",
    "cut below one": "out = ThresholdedRelu(image)",
    "cut below another number": "out = ThresholdedRelu<alpha=-0.7>(image)",
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_rare_activation_becomes_common_operators(name: str) -> None:
    kind = ACTIVATIONS[name].split("=")[1].strip().split("(")[0].split("<")[0]
    gone = () if kind == "Elu" else (kind,)
    assert_same(ACTIVATIONS[name], {}, *gone)


def test_the_softplus_that_torch_exports_is_one() -> None:
    body = "s = Softplus(image) p = Greater(image, t) w = Where(p, image, s) out = Neg(w)"
    assert_same(body, {"t": np.float32(20)}, "Where", "Greater", "Softplus")
