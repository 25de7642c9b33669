"""Weights fitted to the float layer's answers on the inputs that are left."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.quantize import quantize_in_steps
from edge_imgq.quantize.steps import gptq
from edge_imgq.quantize.steps.weight_reconstruction import (
    RIDGES,
    WIDEST,
    LayerSamples,
    moments_of,
    refitted,
)
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo
from tests.quantize.steps.build import FEEDBACK


def lossy_layer(
    seed: int, lost: int, noise: float, count: int = 2000
) -> tuple[np.ndarray, LayerSamples]:
    """Weights, and samples of inputs of which one is gone that the others nearly express."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(count, 3)) @ generator.normal(size=(3, 12)) + 2.0
    inputs += 0.05 * generator.normal(size=inputs.shape)
    weight = generator.normal(size=(4, 12))
    targets = inputs @ weight.T + 7.0
    inputs[:, :lost] = 0.0
    inputs += noise * generator.normal(size=inputs.shape)
    return weight, LayerSamples(inputs.astype(np.float32), targets)


def error(weight: np.ndarray, samples: LayerSamples) -> float:
    rests = samples.targets - samples.inputs @ weight.T
    return float(np.square(rests - rests.mean(axis=0)).mean())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_layer_takes_over_what_an_input_that_is_gone_gave(seed: int) -> None:
    weight, samples = lossy_layer(seed, lost=1, noise=0.0)
    assert error(refitted(weight, samples), samples) < 0.1 * error(weight, samples)


@pytest.mark.parametrize("ridge", [RIDGES[0], RIDGES[-1]])
def test_the_fit_is_that_of_least_squares_held_to_the_weights(ridge: float) -> None:
    weight, samples = lossy_layer(3, lost=2, noise=0.1)
    centred = samples.inputs - samples.inputs.mean(axis=0)
    held = np.sqrt(ridge * len(centred) * np.square(centred).mean()) * np.eye(12)
    answers = samples.targets - samples.targets.mean(axis=0)
    wanted = np.linalg.lstsq(
        np.concatenate([centred, held]), np.concatenate([answers, held @ weight.T]), rcond=None
    )[0]
    found = weight + moments_of(weight, samples).fit(ridge).T
    assert found == pytest.approx(wanted.T, abs=1e-4)


def test_the_change_foretold_is_the_change_of_the_error() -> None:
    weight, samples = lossy_layer(4, lost=1, noise=0.1)
    moments = moments_of(weight, samples)
    moved = moments.fit(0.1)
    grown = 4 * (error(weight + moved.T, samples) - error(weight, samples))
    assert moments.change(moved) == pytest.approx(grown, rel=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_alone_is_not_fitted(seed: int) -> None:
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(80, 30))
    weight = generator.normal(size=(4, 30))
    targets = inputs @ weight.T + generator.normal(size=(80, 4))
    assert refitted(weight, LayerSamples(inputs.astype(np.float32), targets)) is weight


def test_a_layer_that_is_too_wide_or_saw_one_position_keeps_its_weights() -> None:
    weight, samples = lossy_layer(0, lost=1, noise=0.0, count=1)
    assert refitted(weight, samples) is weight
    wide = np.ones((1, WIDEST + 1))
    inputs = np.random.default_rng(0).normal(size=(4, WIDEST + 1)).astype(np.float32)
    assert refitted(wide, LayerSamples(inputs, np.ones((4, 1)))) is wide


def test_inputs_that_are_always_the_same_leave_the_weights() -> None:
    samples = LayerSamples(np.ones((40, 9), np.float32), np.ones((40, 2)))
    weight = np.ones((2, 9))
    assert np.array_equal(refitted(weight, samples), weight)


def test_a_network_makes_up_for_a_range_that_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second layer sees a clipped first one, and another channel that says how much."""
    generator = np.random.default_rng(5)
    first = 0.2 * np.abs(weights(generator, 8, 3, 3, 3))
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["out"], name="second", pads=[1] * 4),
    ]
    network = model(nodes, {"w0": first, "w1": 0.05 * weights(generator, 3, 8, 3, 3) + 0.02})
    photos = [photo(seed) for seed in range(8)]
    image = to_nchw(photo(50), 1.0)
    wanted = run(network, image).clip(0, 1)
    clipping = dataclasses.replace(FEEDBACK, observer="mse", corrections=())

    def squared_error() -> float:
        quantized = quantize_in_steps(
            network, clipping, ImageContract("image-to-image", 1, "rgb"), photos
        )
        return float(np.mean((run(quantized.model, image, exact=True) - wanted) ** 2))

    with_fit = squared_error()
    monkeypatch.setattr(gptq, "refitted", lambda weight, _: weight)
    assert with_fit < squared_error()
