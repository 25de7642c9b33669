"""Equalization, its price foretold and its gain seen by ONNX Runtime."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.quantize import Quantized, quantize_in_steps
from edge_imgq.quantize.steps import gptq
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import run
from tests.quantize.smooth_photo import photo
from tests.quantize.uneven_network import (
    CONTRACT,
    uneven_network,
)

PLAIN = QuantizeRecipe("plain", "", "min-max", (), rounding="feedback")
EQUALIZED = dataclasses.replace(PLAIN, equalization="image")


def decibels(network: ir.Model, quantized: ir.Model) -> float:
    image = to_nchw(photo(77), 1.0)
    error = run(quantized, image, exact=True) - run(network, image).clip(0, 1)
    return float(10 * np.log10(1 / np.mean(error**2)))


def quantized(network: ir.Model, recipe: QuantizeRecipe) -> Quantized:
    return quantize_in_steps(network, recipe, CONTRACT, [photo(seed) for seed in range(6)])


def test_a_network_with_uneven_channels_comes_nearer_to_its_float_self() -> None:
    network = uneven_network()
    plain, equalized = (quantized(network, recipe) for recipe in (PLAIN, EQUALIZED))
    assert decibels(network, equalized.model) > decibels(network, plain.model) + 15


def test_every_step_says_where_it_left_the_image() -> None:
    network = uneven_network()
    steps = quantized(network, EQUALIZED).steps
    assert [step.name for step in steps] == ["scales", "feedback", "equalization"]
    kept = [step.psnr for step in steps if step.kept]
    assert kept == sorted(kept)
    assert steps[-1].kept


def test_a_step_that_does_not_help_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    def ruin(_: ir.Model, quantized: ir.Model, __: np.ndarray, *, one_by_one: bool) -> None:
        assert not one_by_one
        for name, value in quantized.graph.initializers.items():
            if name.endswith(".int8"):
                value.const_value = ir.tensor(np.zeros(value.const_value.shape.numpy(), np.int8))

    monkeypatch.setattr(gptq, "round_with_feedback", ruin)
    network = uneven_network()
    result = quantized(network, PLAIN)
    nearest = quantized(network, dataclasses.replace(PLAIN, rounding="nearest"))
    assert [step.kept for step in result.steps] == [True, False]
    image = to_nchw(photo(5), 1.0)
    after, before = (run(q.model, image, exact=True) for q in (result, nearest))
    assert np.array_equal(after, before)
