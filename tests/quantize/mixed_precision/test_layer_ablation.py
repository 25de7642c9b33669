"""Switching roundings off leads from the quantized graph to the float one."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation, weights_of
from edge_imgq.quantize.mixed_precision.layer_costs import (
    output_roundings,
)
from edge_imgq.quantize.quantize import Quantized
from tests.quantize.mixed_precision.conftest import decibels, made


def test_all_roundings_on_are_the_quantized_graph(
    ablation: LayerAblation, quantized: Quantized
) -> None:
    assert ablation.psnr(ablation.names) == pytest.approx(
        decibels(quantized.model, quantized.original), abs=1e-3
    )


def test_all_roundings_off_leave_the_rounding_to_pixels(ablation: LayerAblation) -> None:
    assert ablation.psnr(()) == pytest.approx(10 * np.log10(12 * 255**2), abs=1)
    assert not ablation.errors(()).any()


def test_float_layers_are_layers_whose_roundings_are_off(
    ablation: LayerAblation,
) -> None:
    mixed = made(**dict.fromkeys(("second", "third", "fourth"), "float"))
    outputs = output_roundings(made().original.graph, ablation.names)
    (first,) = (node for node in outputs if node.name == "first")
    rounded = {weights_of("first"), *outputs[first]}
    assert ablation.psnr(rounded) == pytest.approx(decibels(mixed.model, mixed.original), abs=0.4)
