"""Normalisation over the whole image in int8: the same levels from LiteRT and ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from edge_imgq.graph.network import Quantization
from tests.export.tflite.witness import (
    Case,
    levels_of_both,
    network_of,
    quantized,
    run_onnx,
    to_integers,
)
from tests.random_networks.build import INT8_PASSES, rewritten

SHAPE = (1, 8, 96, 130)
BODY = "y = InstanceNormalization(x, g, b)"


def model(body: str = BODY, shape: tuple[int, ...] = SHAPE) -> onnx.ModelProto:
    gain, shift = np.linspace(0.3, 0.8, 8), np.linspace(-0.2, 0.2, 8)
    constants = {"g": gain.astype(np.float32), "b": shift.astype(np.float32)}
    return rewritten(Case(body, shape, constants).model(), INT8_PASSES)


def image(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.uniform(-2, generator.uniform(0, 2), SHAPE).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_every_value_has_the_level_that_the_qdq_model_gives_it(seed: int) -> None:
    values = image(seed)
    wanted, got = levels_of_both(quantized(model(), values), values)
    assert len(np.unique(wanted)) > 100
    assert (got == wanted).mean() > 0.9999


@pytest.mark.parametrize("seed", range(4))
def test_a_mean_midway_between_two_sixteenths_of_a_level_is_no_tie(seed: int) -> None:
    shape = (1, 8, 16, 24)
    generator = np.random.default_rng(seed)
    near = generator.integers(-120, 118, (8, 1)) + generator.integers(-3, 4, (8, 16 * 24))
    for channel in near:  # a mean of n/16 + 1/32 levels
        channel[: (12 - channel.sum()) % 24] += 1
    step = np.float32(generator.uniform(0.003, 0.02))
    entry = Quantization(np.array([step]), np.zeros(1, np.int32), "int8")
    values = (near.reshape(shape) * step).astype(np.float32)
    wanted, got = levels_of_both(quantized(model(shape=shape), values, entry), values)
    assert (got == wanted).all()


def test_the_mean_and_the_factor_are_rounded() -> None:
    graph = quantized(model(), image(0))
    assert sum(node.op_type == "Round" for node in graph.graph.node) == 2


@pytest.mark.parametrize(
    "body",
    [
        "t = Gelu(x) y = InstanceNormalization(t, g, b)",
        "n = InstanceNormalization(x, g, b) y = Gelu(n)",
        "n = InstanceNormalization(x, g, b) t = Elu(n) y = Add(t, n)",
    ],
)
def test_what_one_float_part_hands_another_is_rounded_in_between(body: str) -> None:
    values = image(5)
    wanted, got = levels_of_both(quantized(model(body), values), values)
    assert (got == wanted).mean() > 0.9999


@pytest.mark.parametrize("seed", range(3))
def test_a_sum_of_two_normalisations_is_no_tie(seed: int) -> None:
    body = (
        "n = InstanceNormalization(x, g, b) m = InstanceNormalization(n, g, b) "
        "t = Add(m, n) s = Neg(t) y = Neg(s)"
    )
    values = image(seed)
    wanted, got = levels_of_both(quantized(model(body), values), values)
    assert (got == wanted).mean() > 0.9999


def test_rounding_moves_few_values_and_none_by_more_than_a_level() -> None:
    values = image(9)
    plain = model()
    graph = quantized(plain, values)
    network = network_of(graph)
    entry, leaving = network.inputs[0].quantization, network.outputs[0].quantization
    assert entry is not None
    assert leaving is not None
    grid = (to_integers(values, entry) * entry.scale[0]).astype(np.float32)
    exact = to_integers(run_onnx(plain, grid), leaving)
    off = np.abs(to_integers(run_onnx(graph, grid), leaving) - exact)
    assert off.max() <= 1
    assert (off > 0).mean() < 0.1
