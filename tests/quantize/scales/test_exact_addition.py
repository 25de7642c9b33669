"""Additions do not round where one scale for all three costs little."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.quantize.quantize import quantize
from tests.graph.build import model, weights
from tests.quantize.build import (
    CONTRACT,
    RECIPE,
    conv,
    photo,
    quantizers,
    residual_network,
)


def test_an_addition_and_its_operands_share_a_scale_so_that_it_does_not_round() -> None:
    scales = quantizers(quantize(residual_network(), RECIPE, CONTRACT, [photo()]))
    assert scales["e"][0] == scales["f"][0]
    assert scales["g"][0] == scales["image"][0] == pytest.approx(1 / 255)


def test_an_operand_read_elsewhere_keeps_its_scale_when_the_sum_is_much_wider() -> None:
    generator = np.random.default_rng(6)
    nodes = [
        conv("image", "w0", "a"),
        conv("a", "w1", "wide"),
        helper.make_node("Add", ["a", "wide"], ["sum"]),
        conv("sum", "w2", "out"),
    ]
    constants = {
        "w0": weights(generator, 3, 3, 3, 3),
        "w1": 50 * weights(generator, 3, 3, 3, 3),
        "w2": weights(generator, 3, 3, 3, 3),
    }
    scales = quantizers(quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()]))
    assert scales["sum"][0] > 5 * scales["a"][0]
