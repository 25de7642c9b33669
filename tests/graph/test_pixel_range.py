"""A network trained on other pixel values takes and returns [0, 1], and computes the same image."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
from onnx import helper

from edge_imgq.cli.argument_types import pixel_range
from edge_imgq.contract import PixelRange
from edge_imgq.graph.pixel_range import to_unit_range
from tests.graph import build


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (16.0, 235.0), (-0.5, 0.5)])
def test_pixels_go_in_and_come_out_as_zero_to_one(low: float, high: float) -> None:
    generator = np.random.default_rng(5)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c", "image"], ["out"]),
    ]
    constants = {"w": build.weights(generator, 3, 3, 3, 3)}
    own, wrapped = (build.model(nodes, constants) for _ in range(2))
    to_unit_range(wrapped, PixelRange(low, high))
    image = generator.random((1, 3, 9, 7), np.float32)
    expected = (build.run(own, image * (high - low) + low) - low) / (high - low)
    np.testing.assert_allclose(build.run(wrapped, image), expected, atol=2e-6)
    assert [wrapped.graph.inputs[0].name, wrapped.graph.outputs[0].name] == ["image", "out"]


@pytest.mark.parametrize(
    ("text", "low", "high"), [("1", 0, 1), ("255", 0, 255), ("-1,1", -1, 1), ("0,255", 0, 255)]
)
def test_a_range_is_its_upper_end_or_both_ends(text: str, low: float, high: float) -> None:
    assert pixel_range(text) == PixelRange(low, high)


@pytest.mark.parametrize("text", ["", "a", "1,0", "0,0", "1,2,3", "nan", "-1,inf", "-1"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="--range=-1,1"):
        pixel_range(text)
