"""PReLUs of wide layers: as many sign channels as the time allows, and the image is the same."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.graph.passes.by_name.sign_split import affordable_splits
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.images.layout import to_nchw
from edge_imgq.kernels.x86 import X86_VNNI
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.calibration.patch_sampler import PatchSampler
from edge_imgq.quantize.prepare.split_wide_prelus import split_wide
from edge_imgq.quantize.quantize import quantize_prepared
from edge_imgq.quantize.ranges.guard_set import guard_of
from edge_imgq.quantize.ranges.ranges import ChannelRange
from edge_imgq.quantize.steps.bias_correction import zero_biases
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import kinds, parsed, run, weights
from tests.quantize.smooth_photo import photo

pytestmark = pytest.mark.usefixtures("small_patches")

CONTRACT = ImageContract("image-to-image", 1, "rgb")
PHOTOS = [photo(seed) for seed in range(4)]
CHANNELS = 48


def network(slopes: Any) -> ir.Model:
    """A wide first layer with a PReLU, and a narrow layer that reads it."""
    generator = np.random.default_rng(8)
    body = (
        "a = Conv<pads = [2, 2, 2, 2]>(image, w0, b0) p = PRelu(a, slopes) "
        "y = Conv<pads = [1, 1, 1, 1]>(p, w1, b1) out = Identity(y)"
    )
    constants = {
        "w0": weights(generator, CHANNELS, 3, 5, 5),
        "b0": 0.1 * weights(generator, CHANNELS),
        "slopes": np.float32(slopes).reshape(-1, 1, 1),
        "w1": weights(generator, 3, CHANNELS, 3, 3),
        "b1": np.float32([0.5, 0.5, 0.5]),
    }
    graph = parsed(body, constants, size="96,96", channels=3)
    return rewrite(graph, ["canonical", "cheap-sign-split"], kernels=X86_VNNI)


def mixed() -> Any:
    """Slopes of a trained network: many near 0."""
    slopes = np.full(CHANNELS, 0.004)
    slopes[::4] = np.random.default_rng(5).uniform(-1.5, 1.5, CHANNELS // 4)
    slopes[1::4] = 0.996
    return slopes


def halved(graph: ir.Model) -> tuple[ir.Model, dict[str, ChannelRange] | None]:
    """Return the graph after the decision, and its ranges."""
    copy = graph.clone()
    zero_biases(copy.graph)
    patches = PatchSampler(1)
    seen = observe_channels(copy, patches.sampling(PHOTOS), 1.0, closely=True)
    return copy, split_wide(copy, seen, guard_of(CONTRACT, patches, one_by_one=False), X86_VNNI)


@cache
def halved_mixed() -> tuple[ir.Model, dict[str, ChannelRange] | None]:
    """Return what becomes of a trained network; tests do not change it."""
    return halved(network(mixed()))


def test_sign_channels_are_no_more_than_the_time_allows() -> None:
    graph = network(mixed())
    assert "PRelu" in kinds(graph)
    ((_, channels),) = affordable_splits(graph.graph, X86_VNNI).items()
    result, _ = halved_mixed()
    (rectified,) = (node for node in result.graph if node.op_type == "Relu")
    shape = rectified.outputs[0].shape
    assert shape is not None
    assert "PRelu" not in kinds(result)
    assert CHANNELS <= shape[1] <= channels < 2 * CHANNELS


def test_the_image_hardly_changes() -> None:
    graph = network(mixed())
    image = to_nchw(photo(60), 1.0)
    error = run(halved_mixed()[0], image) - run(graph, image)
    assert 0 < np.mean(error**2) < 10**-5.5


def test_ranges_are_those_that_the_sign_channels_take() -> None:
    result, ranges = halved_mixed()
    assert ranges is not None
    seen = observe_channels(result, PHOTOS, 1.0)
    assert ranges.keys() == seen.keys()
    (name,) = (n.outputs[0].name or "" for n in result.graph if n.op_type == "Relu")
    np.testing.assert_allclose(ranges[name].low, seen[name].low, atol=1e-5)
    np.testing.assert_allclose(ranges[name].high, seen[name].high, atol=1e-5)
    detail = ranges[name].detail
    assert detail is not None
    assert detail.histogram.counts.shape[0] == len(seen[name].high)
    assert np.all(np.diff(detail.histogram.centres, axis=1) >= 0)


def test_where_all_sign_channels_count_the_activation_stays() -> None:
    slopes = np.random.default_rng(5).uniform(-4, -2, CHANNELS)
    result, ranges = halved(network(slopes))
    assert ranges is None
    assert "PRelu" in kinds(result)


def fidelity(graph: ir.Model, passes: tuple[str, ...]) -> float:
    recipe = QuantizeRecipe("plain", "", "min-max", passes)
    prepared = prepared_graph(graph, passes, kernels=X86_VNNI)
    quantized = quantize_prepared(prepared, recipe, CONTRACT, PHOTOS).model
    image = to_nchw(photo(60), 1.0)
    error = run(quantized, image, exact=True).clip(0, 1) - run(graph, image).clip(0, 1)
    return float(-10 * np.log10(np.mean(error**2)))


def test_int8_is_nearer_to_the_float_image_than_with_the_activation() -> None:
    graph = network(mixed())
    kept, split = fidelity(graph, ("canonical",)), fidelity(graph, ("cheap-sign-split",))
    assert split > kept + 3
