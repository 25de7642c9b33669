"""The layers that make most of a loss, against every rounding measured by itself."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.mixed_precision.layer_ablation import LayerAblation
from edge_imgq.quantize.mixed_precision.layer_costs import measure_roundings
from edge_imgq.quantize.mixed_precision.worst_layers import SHARE, rounding_errors, worst_layers
from edge_imgq.quantize.quantize import Quantized, quantize_in_steps
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.quantize.mixed_precision.worst_layer_network import loud_network, photo

pytestmark = pytest.mark.usefixtures("small_patches")

CONTRACT = ImageContract("image-to-image", 1, "rgb")
RECIPE = QuantizeRecipe("plain", "", "min-max", ("canonical",))


def unwatched(*_: object) -> None:
    """Tell nobody."""


def ablation_of(quantized: Quantized) -> LayerAblation:
    batch = np.concatenate([to_nchw(photo(seed), 1.0) for seed in (20, 21)])
    return LayerAblation(quantized.original, quantized.model, batch, 1.0)


@pytest.fixture(scope="module")
def loud() -> Quantized:
    return quantize_in_steps(loud_network(), RECIPE, CONTRACT, [photo(seed) for seed in range(4)])


def test_the_loud_layers_are_named_the_loudest_first(loud: Quantized) -> None:
    ablation, graph = ablation_of(loud), loud.original.graph
    found = worst_layers(graph, rounding_errors(graph, ablation, unwatched))
    assert [layer.name for layer in found] == ["first", "elu"]
    assert all(layer.output > SHARE > layer.weights for layer in found)


def test_loud_roundings_are_measured_as_one_by_one(loud: Quantized) -> None:
    ablation = ablation_of(loud)
    found = rounding_errors(loud.original.graph, ablation, unwatched)
    each = measure_roundings(ablation, unwatched).errors
    assert set(found) == set(each)
    total = sum(each.values())
    for name, error in each.items():
        assert found[name] == pytest.approx(error, abs=SHARE * total / 2)
        if error > 2 * SHARE * total:
            assert found[name] == pytest.approx(error, rel=1e-6)


def test_where_all_layers_lose_few_are_looked_into() -> None:
    photos = [photo(seed) for seed in range(4)]
    quantized = quantize_in_steps(loud_network(1.0), RECIPE, CONTRACT, photos)
    ablation, runs = ablation_of(quantized), []
    rounding_errors(quantized.original.graph, ablation, runs.append)
    assert len(runs) <= 2 / SHARE * log2(len(ablation.names))
