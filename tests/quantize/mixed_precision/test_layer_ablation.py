"""Switching roundings off leads from the quantized graph to the float one."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation, weights_of
from edge_imgq.quantize.mixed_precision.layer_costs import (
    written_switches,
)
from edge_imgq.quantize.quantize import Quantized, quantize_in_steps
from tests.graph.build import run
from tests.quantize.build import photo
from tests.quantize.mixed_precision.build import CONTRACT, network, recipe

BATCH = np.concatenate([to_nchw(photo(seed, (32, 32)), 1.0) for seed in (20, 21)])


def made(**precision: str) -> Quantized:
    photos = [photo(seed, (48, 48)) for seed in range(4)]
    return quantize_in_steps(network(), recipe(**precision), CONTRACT, photos)


@pytest.fixture(scope="module")
def quantized() -> Quantized:
    return made()


@pytest.fixture(scope="module")
def board(quantized: Quantized) -> LayerAblation:
    return LayerAblation(quantized.original, quantized.model, BATCH, 1.0)


def decibels(model: ir.Model, reference: ir.Model) -> float:
    found = []
    for patch in BATCH:
        error = run(model, patch[None], exact=True) - run(reference, patch[None]).clip(0, 1)
        found.append(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))
    return float(np.mean(found))


def test_all_switches_on_are_the_quantized_graph(
    board: LayerAblation, quantized: Quantized
) -> None:
    assert board.psnr(board.names) == pytest.approx(
        decibels(quantized.model, quantized.original), abs=1e-3
    )


def test_all_switches_off_leave_the_rounding_to_pixels(board: LayerAblation) -> None:
    assert board.psnr(()) == pytest.approx(10 * np.log10(12 * 255**2), abs=1)
    assert not board.errors(()).any()


def test_a_graph_with_float_layers_is_that_with_their_switches_off(board: LayerAblation) -> None:
    mixed = made(**dict.fromkeys(("second", "third", "fourth"), "float"))
    outputs = written_switches(made().original.graph, board.names)
    (first,) = (node for node in outputs if node.name == "first")
    rounded = {weights_of("first"), *outputs[first]}
    assert board.psnr(rounded) == pytest.approx(decibels(mixed.model, mixed.original), abs=0.4)
