"""Every operator of a QDQ graph reads integers, and every value is rounded once."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.quantize import quantize
from tests.graph.build import model, run, weights
from tests.quantize.build import (
    CONTRACT,
    RECIPE,
    as_input,
    conv,
    photo,
    quantizers,
    residual_network,
)


def test_every_operator_reads_integers_and_every_value_is_rounded_once() -> None:
    quantized = quantize(residual_network(), RECIPE, CONTRACT, [photo()])
    for node in quantized.graph:
        if node.op_type in {"QuantizeLinear", "DequantizeLinear", "Relu"}:
            continue
        producers = {value.producer().op_type for value in node.inputs if value is not None}
        assert producers == {"DequantizeLinear"}, node.op_type


def test_pixels_enter_and_leave_without_losing_a_level() -> None:
    identity = model([helper.make_node("Relu", ["image"], ["out"])], {})
    quantized = quantize(identity, RECIPE, CONTRACT, [photo()])
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    returned = run(quantized, as_input(levels), exact=True)
    assert np.array_equal(np.rint(returned * 255), np.rint(as_input(levels) * 255))


def test_the_convolution_before_a_pixel_shuffle_writes_pixels_directly() -> None:
    nodes = [
        conv("image", "w", "a"),
        helper.make_node("DepthToSpace", ["a"], ["out"], blocksize=2, mode="CRD"),
    ]
    constants = {"w": weights(np.random.default_rng(1), 12, 3, 3, 3)}
    contract = ImageContract("super-resolution", 2, "rgb")
    scales = quantizers(quantize(model(nodes, constants), RECIPE, contract, [photo()]))
    assert scales["a"] == (pytest.approx(1 / 255), -128)
