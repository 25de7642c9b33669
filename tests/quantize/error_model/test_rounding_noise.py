"""The error that rounding makes, as predicted, is that of rounding in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.error_model.rounding_noise import (
    NoiseModel,
    noise_with_gains,
    rounding_noise,
)
from edge_imgq.quantize.ranges.ranges import LEVELS, ChannelRange, Range, per_tensor
from edge_imgq.quantize.scales.scales import assign_scales
from tests.graph.build import parsed, run

GENERATOR = np.random.default_rng(4)
WIDTHS = np.array([4.0, 1.0, 0.25, 2.0], np.float32)
"""Of four channels, which a convolution reads again."""

IMAGE = per_tensor(1 / 255, -128)


def layers() -> ir.Model:
    """Four channels of different widths, of which the second layer makes three again."""
    first = np.zeros((4, 3, 1, 1), np.float32)
    first[range(4), [0, 1, 2, 0]] = WIDTHS[:, np.newaxis, np.newaxis]
    second = np.zeros((3, 4, 1, 1), np.float32)
    second[[0, 1, 2], [0, 1, 2]] = (0.25 / WIDTHS[:3])[:, np.newaxis, np.newaxis]
    body = "a = Conv(image, first) middle = Relu(a) out = Conv(middle, second)"
    return parsed(body, {"first": first, "second": second}, size="64,64", channels=3)


def activation(model: ir.Model, name: str) -> ir.Value:
    return next(v for node in model.graph for v in node.outputs if v.name == name)


def ranges() -> dict[str, ChannelRange]:
    low, high = np.zeros(4, np.float32), WIDTHS
    return {
        "image": ChannelRange(np.zeros(3, np.float32), np.ones(3, np.float32)),
        "a": ChannelRange(low, high),
        "middle": ChannelRange(low, high),
        "out": ChannelRange(np.zeros(3, np.float32), np.full(3, 0.25, np.float32)),
    }


def placed(model: ir.Model) -> dict[ir.Value, Quantization]:
    return assign_scales(model.graph, {n: r.whole() for n, r in ranges().items()}, IMAGE)


ERRORS = np.array([0.25 / width for width in WIDTHS[:3]] + [0.0]) ** 2
"""Squared error of the image for a unit of variance of each channel: its weight squared."""


def test_noise_is_that_of_rounding_to_the_scale() -> None:
    model = layers()
    value = activation(model, "middle")
    predicted = rounding_noise(placed(model), {value: ERRORS})
    image = GENERATOR.uniform(0, 1, (1, 3, 64, 64)).astype(np.float32)
    step = float(placed(model)[value].scale[0])
    assert step == pytest.approx(4 / 255, rel=2e-3)
    middle = image[:, [0, 1, 2, 0]] * WIDTHS.reshape(1, 4, 1, 1)
    off = (np.rint(middle / step) * step - middle)[:, :3] * (0.25 / WIDTHS[:3]).reshape(1, 3, 1, 1)
    assert np.array_equal(run(model, image).shape, off.shape)
    assert predicted == pytest.approx(float((off**2).sum(1).mean()), rel=0.03)


def test_with_gains_each_channel_fills_the_scale() -> None:
    model = layers()
    value = activation(model, "middle")
    predicted = noise_with_gains(model.graph, placed(model), ranges(), {value: ERRORS})
    assert predicted == pytest.approx(float((ERRORS * (WIDTHS / LEVELS) ** 2).sum()) / 12)
    assert predicted < 0.2 * rounding_noise(placed(model), {value: ERRORS})


def test_a_model_predicts_both_by_names() -> None:
    model = layers()
    value = activation(model, "middle")
    by_name = {"middle": ERRORS, "unknown": ERRORS}
    found = NoiseModel(ranges(), IMAGE, by_name).noise(model.graph)
    wanted = noise_with_gains(model.graph, placed(model), ranges(), {value: ERRORS})
    assert found == pytest.approx(wanted)
    plain = NoiseModel(ranges(), IMAGE, by_name, gains=False).noise(model.graph)
    assert plain == pytest.approx(rounding_noise(placed(model), {value: ERRORS}))
    names = {"middle": "before it was split"}
    renamed = NoiseModel(
        ranges(),
        IMAGE,
        {"before it was split": ERRORS},
        known_as=lambda value: names.get(value.name or "", ""),
    )
    assert renamed.noise(model.graph) == pytest.approx(found)


def test_what_is_not_rounded_anew_does_not_count() -> None:
    model = parsed("a = Relu(image) out = MaxPool<kernel_shape=[1,1]>(a)", {}, channels=3)
    seen = {name: Range(0.0, 1.0) for name in ("image", "a", "out")}
    scales = assign_scales(model.graph, seen, IMAGE)
    copied = activation(model, "out")
    assert rounding_noise(scales, {copied: np.full(3, 5.0)}) == 0


def test_a_concatenation_rounds_the_channels_that_are_requantized_for_it() -> None:
    body = "a = Relu(image) b = Exp(a) j = Concat<axis=1>(a, b) out = Neg(j)"
    model = parsed(body, {}, channels=3)
    ends = {"image": 1.0, "a": 1.0, "b": 4.0, "j": 4.0, "out": 1.0}
    seen = {name: Range(0.0, end) for name, end in ends.items()}
    channels = {n: ChannelRange(np.zeros(6), np.full(6, r.high)) for n, r in seen.items()}
    scales = assign_scales(model.graph, seen, IMAGE)
    joined = activation(model, "j")
    errors = np.array([1.0, 2.0, 3.0, 40.0, 50.0, 60.0])
    step = float(scales[joined].scale[0])
    assert step == pytest.approx(4 / 255, rel=3e-3)
    wanted = pytest.approx(6 * step**2 / 12)
    assert rounding_noise(scales, {joined: errors}) == wanted
    assert noise_with_gains(model.graph, scales, channels, {joined: errors}) == wanted
