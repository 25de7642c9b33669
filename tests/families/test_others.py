"""Families that nobody named: each by an exporter of its own to every target, against ONNX Runtime.

torch's older exporter writes opset 11 or 17 and traces shapes as numbers or arithmetic; the newer
one writes opset 21. Which family goes which way changes nothing but what is covered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch

from edge_imgq.graph.load.opset import OPSET
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size, is_shaped_by_size
from edge_imgq.quantize.quantize import quantize_in_steps
from edge_imgq.quantize.steps.quantization_step import QuantizationStep, not_run, psnr_after
from edge_imgq.quantize.torch.torch_graph import TorchGraph
from edge_imgq.recipe.folders import export_recipes, quantize_recipe
from edge_imgq.skipped import Skipped
from tests.families.figures import (
    MAX_LOST,
    MIN_EXACT,
    MIN_FLOAT16,
    MIN_PSNR,
    outputs,
    psnr,
    psnr_of,
)

from .convert import SEED, SIZE, convert, float_file, int8_file, quantized, run_file, run_onnx
from .table import ATTENDING, FURTHER, LATER, OTHERS

OPSETS = (11, 17, OPSET)
BY_THE_NEWER = {"animegan", "u2net"}
"""Families whose graphs differ most between the exporters."""


AT_OPSET = {
    **dict.fromkeys(("bsrn", "gca-net", "swinir-masked", "conv-lstm"), OPSET),
    **dict.fromkeys(("luma", "mwcnn", "deoldify"), 17),
}
"""Families that torch exports at these opsets alone, or quite otherwise than at others."""

EVERY = {**OTHERS, **FURTHER, **LATER}


def opset_of(name: str) -> int:
    if name in AT_OPSET:
        return AT_OPSET[name]
    if name in LATER:
        return 17
    if name in FURTHER:
        return OPSETS[sorted(FURTHER).index(name) % 2]
    return OPSET if name in BY_THE_NEWER else OPSETS[sorted(OTHERS).index(name) % 2]


@pytest.mark.parametrize("name", EVERY)
def test_a_family_converts_to_every_target_and_agrees(name: str, tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    entry = EVERY[name]
    network = convert(name, entry.build(), entry.channels, opset_of(name))
    if is_shaped_by_size(network.model):
        network = dataclasses.replace(network, model=bind_size(network.model, SIZE))
    wanted = run_onnx(network.model, network.image)
    assert wanted.shape[2:] == tuple(entry.scale * side for side in SIZE)
    assert wanted.std() > 0.02, "the output is too flat to show anything"

    got = run_file(float_file(network), network.image)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-4

    for target, least in MIN_PSNR.items():
        assert psnr_of(network, target, tmp_path / f"{target}.param") >= least

    recipe = next(recipe for recipe in export_recipes() if recipe.name == "coreml-fp16")
    view = read_network(bind_size(rewrite(network.model, recipe.passes), SIZE))
    pixels = np.rint(wanted.clip(0, 1) * 255)
    exact, half = outputs(network, view, tmp_path / "half.mlpackage")
    assert psnr(exact, pixels) > MIN_EXACT
    assert psnr(half, pixels) > MIN_FLOAT16

    model = quantized(network)
    levels = np.rint(run_onnx(model, network.image).clip(0, 1) * 255)
    assert (np.abs(in_torch(model, network.image) - levels) <= 1).mean() >= 0.99
    image = network.pixels[0].transpose(2, 0, 1)[np.newaxis]
    got = run_file(int8_file(network, model), image)
    assert (np.abs(got - levels) <= 1).mean() >= 0.99

    _, got = outputs(network, read_network(model), tmp_path / "int8.mlpackage")
    exact_levels = wanted.clip(0, 1) * 255
    assert psnr(got, exact_levels) > psnr(levels, exact_levels) - MAX_LOST


def in_torch(model: ir.Model, image: Any) -> Any:
    """Return the levels of a QDQ graph's image as the quantizer's steps compute it."""
    with torch.no_grad():
        result = TorchGraph(model)(torch.from_numpy(image)).numpy()
    return np.rint(result.clip(0, 1) * 255)


@pytest.mark.parametrize("name", ["animegan", "cbam", "convnext", "ffdnet", "swinir"])
def test_every_step_of_the_recipe_takes_graphs_of_one_image(name: str) -> None:
    torch.manual_seed(SEED)
    entry = {**OTHERS, **ATTENDING}[name]
    network = convert(name, entry.build(), entry.channels, 17)
    model = bind_size(network.model, SIZE)
    recipe = dataclasses.replace(quantize_recipe("int8"), tuning=2)
    result = quantize_in_steps(model, recipe, network.contract, iter(network.pixels))
    steps = {step.name for step in result.steps}
    assert {"scales", "feedback", "channels", "tuning"} <= steps
    assert steps & {"equalization", "equalization and copies"}
    assert not_run_of(result.steps) <= {not_run("copies", Skipped("no channel is worth a copy"))}
    assert psnr_after(result.steps) >= psnr_after(result.steps[:1])


def not_run_of(steps: Iterable[QuantizationStep]) -> set[QuantizationStep]:
    return {step for step in steps if isinstance(step.psnr, Skipped)}
