"""What layers cost, and which to keep in float; ONNX Runtime runs the whole graphs beside."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.mixed_precision.float_layers import layers
from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation
from edge_imgq.quantize.mixed_precision.layer_costs import (
    measure_roundings,
)
from edge_imgq.quantize.mixed_precision.layer_time import LayerTimes
from edge_imgq.quantize.mixed_precision.precision_search import PrecisionSearch
from edge_imgq.quantize.quantize import Quantized
from tests.quantize.mixed_precision.build import LAYERS
from tests.quantize.mixed_precision.conftest import unwatched

pytestmark = pytest.mark.usefixtures("small_patches")


def search(ablation: LayerAblation, quantized: Quantized) -> PrecisionSearch:
    graph = bind_size(quantized.original, (24, 20)).graph
    return PrecisionSearch(graph, ablation, measure_roundings(ablation, unwatched).errors, X86_VNNI)


def test_no_smaller_choice_reaches_what_is_wanted_in_less_time(
    ablation: LayerAblation, quantized: Quantized
) -> None:
    found = search(ablation, quantized)
    every = [
        found.choice(frozenset(names))
        for count in range(len(LAYERS) + 1)
        for names in combinations(LAYERS, count)
    ]
    least, most = min(c.psnr for c in every), max(c.psnr for c in every)
    for wanted in np.linspace(least + 0.1, most - 0.1, 6):
        chosen = found.find(float(wanted), unwatched)
        assert chosen.psnr >= wanted
        best = min(choice.time for choice in every if choice.psnr >= wanted)
        assert chosen.time <= 1.15 * best


def test_what_int8_reaches_anyway_keeps_no_layer_in_float(
    ablation: LayerAblation, quantized: Quantized
) -> None:
    chosen = search(ablation, quantized).find(ablation.psnr(ablation.names) - 0.1, unwatched)
    assert (chosen.names, chosen.time) == (frozenset(), 1.0)


def test_what_cannot_be_reached_ends_with_every_layer_that_helps(
    ablation: LayerAblation, quantized: Quantized
) -> None:
    chosen = search(ablation, quantized).find(90, unwatched)
    assert chosen.psnr < 90
    assert chosen.psnr > ablation.psnr(ablation.names) + 3


def test_float_layers_and_conversions_take_longer(quantized: Quantized) -> None:
    graph = bind_size(quantized.original, (180, 320)).graph
    names = [node.name or "" for node in layers(graph)]
    times = LayerTimes(graph, X86_VNNI)
    for name in names:
        assert times.by_node([name])[""] > times.by_node(())[""]
    assert times.total(names) > 1.5 * times.plain
