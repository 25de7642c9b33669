"""Every layer and every sum has its cost."""

from __future__ import annotations

import onnx_ir as ir
import pytest

from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation, weights_of
from edge_imgq.quantize.mixed_precision.layer_costs import (
    layer_costs,
    measure_roundings,
)
from edge_imgq.quantize.mixed_precision.layer_time import LayerTimes
from edge_imgq.quantize.quantize import Quantized, quantize_in_steps
from tests.quantize.build import photo
from tests.quantize.mixed_precision.build import CONTRACT, LAYERS, network, recipe
from tests.quantize.mixed_precision.conftest import BATCH, unwatched


def test_every_layer_and_every_sum_has_its_cost(
    ablation: LayerAblation, quantized: Quantized
) -> None:
    graph = bind_size(quantized.original, (24, 20)).graph
    times = LayerTimes(graph, X86_VNNI).by_node(())
    costs = layer_costs(graph, ablation, measure_roundings(ablation, unwatched), times)
    assert [cost.name for cost in costs if cost.precision] == list(LAYERS)
    assert sum(cost.weights + cost.output for cost in costs) == pytest.approx(1, abs=1e-6)
    assert all(40 < cost.psnr < 100 for cost in costs if cost.precision)


def test_a_layer_whose_weights_get_few_levels_costs_more(ablation: LayerAblation) -> None:
    wild = network()
    weight = wild.graph.initializers["w2"]
    array = weight.const_value.numpy().copy()
    array[:, :, 1, 1] *= 60  # one tap far beyond the others
    weight.const_value = ir.tensor(array)
    photos = [photo(seed, (48, 48)) for seed in range(4)]
    found = quantize_in_steps(wild, recipe(), CONTRACT, photos)
    errors, before = (
        measure_roundings(each, unwatched).errors[weights_of("third")]
        for each in (LayerAblation(found.original, found.model, BATCH, 1.0), ablation)
    )
    assert errors > 20 * before
