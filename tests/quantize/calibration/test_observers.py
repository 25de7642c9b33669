"""Ranges by every observer; ONNX Runtime's calibrator and torch's observer are the witnesses."""

from __future__ import annotations

import resource

import numpy as np
import onnx_ir as ir
import pytest
import torch
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.calibration.calibrate import GRID, grid_strides, observe_channels
from edge_imgq.quantize.calibration.histogram import HistogramKeeper
from edge_imgq.quantize.calibration.observers import OBSERVERS, OUTSIDE
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.ranges.ranges import ChannelDetail, ChannelRange, Range, asymmetric
from edge_imgq.recipe import quantize as recipes
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import run
from tests.quantize.build import as_input, photo, residual_network

CONTRACT = ImageContract("image-to-image", 1, "rgb")


def seen(values: np.ndarray) -> ChannelRange:
    """Return what is seen of values (channels, any number) that arrive at once."""
    keeper = HistogramKeeper(len(values))
    keeper.add(values.astype(np.float32))
    low, high = values.min(axis=1), values.max(axis=1)
    return ChannelRange(low, high, ChannelDetail(low, high, keeper.result()))


def heavy_tail(seed: int = 11, *, rectified: bool = False) -> np.ndarray:
    values = np.random.default_rng(seed).standard_t(3, (1, 40_000))
    return np.maximum(values, 0) if rectified else values


def error(values: np.ndarray, found: Range) -> float:
    """Return the squared error of values in int8, by torch."""
    parameters = asymmetric(found)
    exact = torch.from_numpy(values)
    rounded = torch.fake_quantize_per_tensor_affine(
        exact, float(parameters.scale[0]), int(parameters.zero_point[0]), -128, 127
    )
    return float((rounded - exact).square().mean())


def test_the_recipes_know_every_observer() -> None:
    assert tuple(OBSERVERS) == recipes.OBSERVERS


@pytest.mark.parametrize("name", [name for name in OBSERVERS if name != "min-max"])
def test_a_range_lies_within_what_was_seen_and_holds_most_of_it(name: str) -> None:
    values = heavy_tail()
    found = OBSERVERS[name](seen(values), None)
    assert values.min() <= found.low < np.quantile(values, 0.05)
    assert np.quantile(values, 0.95) < found.high <= values.max()


def test_min_max_is_everything() -> None:
    values = heavy_tail()
    assert OBSERVERS["min-max"](seen(values), None) == Range(values.min(), values.max())


def test_a_percentile_leaves_out_one_value_in_ten_thousand() -> None:
    values = heavy_tail()
    found = OBSERVERS["percentile"](seen(values), None)
    width = np.ptp(values) / 128
    wanted = np.quantile(values, [OUTSIDE / 2, 1 - OUTSIDE / 2], method="inverted_cdf")
    assert abs(found.low - wanted[0]) <= width
    assert abs(found.high - wanted[1]) <= width


@pytest.mark.parametrize("rectified", [False, True])
def test_the_squared_error_is_near_the_least_that_any_range_has(rectified: bool) -> None:
    values = heavy_tail(rectified=rectified)
    found = error(values, OBSERVERS["mse"](seen(values), None))
    shares = np.linspace(0.1, 1, 60)
    least = min(error(values, Range(values.min() * a, values.max() * a)) for a in shares)
    assert found <= 1.05 * least
    assert found < 0.98 * error(values, OBSERVERS["min-max"](seen(values), None))


def test_the_squared_error_is_no_worse_than_by_torchs_observer() -> None:
    values = heavy_tail()
    observer = torch.ao.quantization.HistogramObserver(dtype=torch.qint8)
    observer(torch.from_numpy(values.astype(np.float32)))
    scale, zero = (float(parameter) for parameter in observer.calculate_qparams())
    theirs = Range((-128 - zero) * scale, (127 - zero) * scale)
    assert error(values, OBSERVERS["mse"](seen(values), None)) <= 1.02 * error(values, theirs)


@pytest.mark.parametrize("seed", range(3))
def test_entropy_finds_about_the_threshold_of_onnx_runtimes_calibrator(seed: int) -> None:
    from onnxruntime.quantization.calibrate import HistogramCollector

    values = np.random.default_rng(seed).standard_t(3, (1, 40_000)).astype(np.float32)
    collector = HistogramCollector(
        method="entropy", symmetric=True, num_bins=2049, num_quantized_bins=255, percentile=0,
        scenario="same",
    )  # fmt: skip
    collector.collect({"x": [values]})
    wanted = float(collector.compute_entropy()["x"][1])
    found = OBSERVERS["entropy"](seen(values.astype(np.float64)), None)
    assert found.high == pytest.approx(wanted, rel=0.2)
    assert found.low == pytest.approx(-wanted, rel=0.2)


def test_the_moving_average_is_the_mean_of_few_images() -> None:
    photos = [photo(seed) // (seed + 1) for seed in range(3)]
    network = residual_network()
    single = [observe_channels(network, [pixels], 1.0)["c"].high for pixels in photos]
    found = observe_channels(network, photos, 1.0, closely=True)["c"]
    average = OBSERVERS["moving-average"](found, None)
    assert average.high == pytest.approx(float(np.mean(single, axis=0).max()), rel=1e-6)
    assert average.high < found.whole().high


def test_the_image_observer_clips_a_channel_that_nobody_sees() -> None:
    generator = np.random.default_rng(3)
    values = np.stack([generator.uniform(0, 1, 20_000), generator.exponential(1.0, 20_000)])
    found = OBSERVERS["image"](seen(values), np.array([1.0, 1e-9]))
    assert found.high < 0.5 * values.max()
    assert OBSERVERS["mse"](seen(values), None).high > found.high


def test_histograms_count_the_positions_of_the_grid_that_onnx_runtime_computes() -> None:
    pixels = photo(5, (150, 130))
    step = int(grid_strides(pixels)[GRID][0])
    assert step == 3
    network = residual_network()
    output = run(network, as_input(pixels))[0, :, ::step, ::step].reshape(3, -1)
    counts = HistogramKeeper(3)
    counts.add(output)
    found = observe_channels(network, [pixels], 1.0, closely=True)["out"].detail
    assert found is not None
    # Float32 may put a value that lies on an edge into the next bin.
    assert np.abs(found.histogram.counts - counts.result().counts).sum() <= 4


def scales(quantized: ir.Model) -> list[float]:
    return [
        float(node.inputs[1].const_value.numpy())
        for node in quantized.graph
        if node.op_type == "QuantizeLinear"
    ]


@pytest.mark.parametrize("name", OBSERVERS)
def test_a_network_is_quantized_by_every_observer(name: str) -> None:
    recipe = QuantizeRecipe("int8", "", name, ("sub-pixel", "sign-split"))
    network = residual_network()
    photos = [photo(seed, (40, 40)) for seed in range(4)]
    quantized = quantize(network, recipe, CONTRACT, photos)
    image = as_input(photo(9))
    difference = run(quantized, image, exact=True) - run(network, image).clip(0, 1)
    assert 20 * np.log10(1 / np.sqrt(np.mean(difference**2))) > 38
    whole = quantize(
        network, QuantizeRecipe("int8", "", "min-max", recipe.passes), CONTRACT, photos
    )
    narrower = [a <= 1.02 * b for a, b in zip(scales(quantized), scales(whole), strict=True)]
    assert all(narrower)
    clips_always = name not in ("min-max", "guarded")
    assert not clips_always or scales(quantized) != scales(whole)


def test_a_tensor_that_is_no_image_is_watched_as_one_channel() -> None:
    from tests.graph.build import model

    nodes = [
        helper.make_node("Reshape", ["image", "flat"], ["rows"]),
        helper.make_node("Relu", ["rows"], ["positive"]),
        helper.make_node("Reshape", ["positive", "square"], ["out"]),
    ]
    constants = {"flat": np.array([3, -1]), "square": np.array([1, 3, 24, 20])}
    network = model(nodes, constants, size=(24, 20))
    found = observe_channels(network, [photo()], 1.0, closely=True)["positive"]
    assert found.low.ndim == 0
    assert found.detail is not None
    assert found.detail.histogram.counts.sum() == np.count_nonzero(photo())


def test_memory_stays_where_histograms_are_made_of_many_images() -> None:
    network = residual_network()

    def peak_after(count: int) -> int:
        photos = (photo(seed, (256, 256)) for seed in range(count))
        observe_channels(network, photos, 1.0, closely=True)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    few = peak_after(4)
    assert peak_after(64) - few < 20_000  # kB
