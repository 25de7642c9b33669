"""The whole of quantization, with ONNX Runtime as the witness of what the QDQ model computes."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ImageError, NonFiniteOutputError
from edge_imgq.quantize.calibration.calibrate import observe_ranges
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.ranges.ranges import Range
from edge_imgq.quantize.scales.scales import activations
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.quantize.build import as_input, conv, photo, residual_network

from ..graph.build import model, run, weights

CHECKOUT = Path(__file__).parents[2]
CONTRACT = ImageContract("image-to-image", 1, "rgb")
RECIPE = QuantizeRecipe("int8", "", "min-max", ("sub-pixel", "crd-to-dcr", "sign-split"))


def test_the_qdq_model_is_valid_and_stays_close_to_the_float_model() -> None:
    original = residual_network()
    quantized = quantize(original, RECIPE, CONTRACT, [photo(seed) for seed in range(4)])
    onnx.checker.check_model(ir.to_proto(quantized), full_check=True)
    image = as_input(photo(9))
    difference = run(quantized, image, exact=True) - run(original, image).clip(0, 1)
    assert 20 * np.log10(1 / np.sqrt(np.mean(difference**2))) > 40


def test_tiles_have_the_scale_of_what_they_copy() -> None:
    generator = np.random.default_rng(4)
    nodes = [
        conv("image", "w0", "a"),
        helper.make_node("Tile", ["a", "twice"], ["b"]),
        helper.make_node("Clip", ["a", "low", "high"], ["c"]),
        conv("b", "w1", "d"),
        helper.make_node("MaxPool", ["d"], ["e"], kernel_shape=[2, 1], strides=[2, 1]),
        helper.make_node("Add", ["e", "c"], ["out"]),
    ]
    constants = {
        "w0": weights(generator, 3, 3, 3, 3),
        "w1": weights(generator, 3, 3, 3, 3),
        "twice": np.array([1, 1, 2, 1]),
        "low": np.float32(0),
        "high": np.float32(0.3),
    }
    recipe = QuantizeRecipe("int8", "", "min-max", ())
    quantized = quantize(model(nodes, constants), recipe, CONTRACT, [photo(1), photo(2)])
    (tile,) = (node for node in quantized.graph if node.op_type == "Tile")
    before, (after,) = tile.inputs[0].producer(), tile.outputs[0].consumers()
    scales = [node.inputs[1].const_value.numpy() for node in (before, after)]
    assert scales[0] == scales[1]


def test_the_original_is_not_touched() -> None:
    original = residual_network()
    before = ir.to_proto(original).SerializeToString(deterministic=True)
    quantize(original, RECIPE, CONTRACT, [photo()])
    assert ir.to_proto(original).SerializeToString(deterministic=True) == before


def test_every_operator_reads_integers_and_every_value_is_rounded_once() -> None:
    quantized = quantize(residual_network(), RECIPE, CONTRACT, [photo()])
    for node in quantized.graph:
        if node.op_type in {"QuantizeLinear", "DequantizeLinear", "Relu"}:
            continue
        producers = {value.producer().op_type for value in node.inputs if value is not None}
        assert producers == {"DequantizeLinear"}, node.op_type


def test_pixels_enter_and_leave_without_losing_a_level() -> None:
    identity = model([helper.make_node("Relu", ["image"], ["out"])], {})
    quantized = quantize(identity, RECIPE, CONTRACT, [photo()])
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    returned = run(quantized, as_input(levels), exact=True)
    assert np.array_equal(np.rint(returned * 255), np.rint(as_input(levels) * 255))


def quantizers(quantized: ir.Model) -> dict[str, tuple[float, int]]:
    """Return scale and zero point of every quantized value, by the value's name."""
    return {
        node.inputs[0].name: (
            float(node.inputs[1].const_value.numpy()),
            int(node.inputs[2].const_value.numpy()),
        )
        for node in quantized.graph
        if node.op_type == "QuantizeLinear"
    }


def test_an_addition_and_its_operands_share_a_scale_so_that_it_does_not_round() -> None:
    scales = quantizers(quantize(residual_network(), RECIPE, CONTRACT, [photo()]))
    assert scales["e"][0] == scales["f"][0]
    assert scales["g"][0] == scales["image"][0] == pytest.approx(1 / 255)


def test_an_operand_read_elsewhere_keeps_its_scale_when_the_sum_is_much_wider() -> None:
    generator = np.random.default_rng(6)
    nodes = [
        conv("image", "w0", "a"),
        conv("a", "w1", "wide"),
        helper.make_node("Add", ["a", "wide"], ["sum"]),
        conv("sum", "w2", "out"),
    ]
    constants = {
        "w0": weights(generator, 3, 3, 3, 3),
        "w1": 50 * weights(generator, 3, 3, 3, 3),
        "w2": weights(generator, 3, 3, 3, 3),
    }
    scales = quantizers(quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()]))
    assert scales["sum"][0] > 5 * scales["a"][0]


@pytest.mark.parametrize(
    ("kind", "scale", "zero"), [("Tanh", 1 / 128, 0), ("Sigmoid", 1 / 256, -128)]
)
def test_outputs_with_a_fixed_range_get_it(kind: str, scale: float, zero: int) -> None:
    nodes = [helper.make_node(kind, ["image"], ["a"]), conv("a", "w", "out")]
    constants = {"w": weights(np.random.default_rng(1), 3, 3, 3, 3)}
    scales = quantizers(quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()]))
    assert scales["a"] == (scale, zero)


def test_the_convolution_before_a_pixel_shuffle_writes_pixels_directly() -> None:
    nodes = [
        conv("image", "w", "a"),
        helper.make_node("DepthToSpace", ["a"], ["out"], blocksize=2, mode="CRD"),
    ]
    constants = {"w": weights(np.random.default_rng(1), 12, 3, 3, 3)}
    contract = ImageContract("super-resolution", 2, "rgb")
    scales = quantizers(quantize(model(nodes, constants), RECIPE, contract, [photo()]))
    assert scales["a"] == (pytest.approx(1 / 255), -128)


@pytest.mark.parametrize("last", ["Clip", "Relu"])
def test_clipping_at_the_end_needs_no_scale_of_its_own(last: str) -> None:
    nodes = [
        conv("image", "w", "a"),
        helper.make_node("DepthToSpace", ["a"], ["b"], blocksize=2),
        helper.make_node(last, ["b", "low", "high"] if last == "Clip" else ["b"], ["out"]),
    ]
    constants = {
        "w": weights(np.random.default_rng(1), 12, 3, 3, 3),
        "low": np.float32(0),
        "high": np.float32(1),
    }
    contract = ImageContract("super-resolution", 2, "rgb")
    network = model(nodes, constants)
    quantized = quantize(network, RECIPE, contract, [photo()])
    scales = quantizers(quantized)
    assert len(set(scales.values())) == 1, scales
    image = as_input(photo(5))
    assert np.abs(run(quantized, image, exact=True) - run(network, image).clip(0, 1)).max() < 0.02


def test_a_sigmoid_at_the_end_rounds_to_its_own_levels_and_then_to_pixels() -> None:
    nodes = [conv("image", "w", "a"), helper.make_node("Sigmoid", ["a"], ["out"])]
    constants = {"w": weights(np.random.default_rng(1), 3, 3, 3, 3)}
    quantized = quantize(model(nodes, constants), RECIPE, CONTRACT, [photo()])
    assert quantized.graph.outputs[0].name == "out"
    steps = [
        float(node.inputs[1].const_value.numpy())
        for node in quantized.graph
        if node.op_type == "QuantizeLinear"
    ]
    assert 1 / 256 in steps
    image = as_input(photo(5))
    got = np.rint(run(quantized, image, exact=True) * 255)
    np.testing.assert_allclose(got, run(quantized, image, exact=True) * 255, atol=1e-3)


def test_ranges_cover_all_images_whatever_their_order() -> None:
    network = residual_network()
    photos = [photo(seed) // (seed + 1) for seed in range(3)]
    forwards = observe_ranges(network, photos, 1.0)
    assert forwards == observe_ranges(network, reversed(photos), 1.0)
    assert forwards["image"] == Range(0.0, 1.0)
    assert set(forwards) == {value.name for value in activations(network.graph)}


def test_ranges_are_what_onnx_runtime_computes() -> None:
    network = residual_network()
    pixels = photo()
    seen = observe_ranges(network, [pixels], 1.0)["out"]
    output = run(network, as_input(pixels))
    assert (seen.low, seen.high) == pytest.approx((output.min(), output.max()), abs=1e-6)


def test_no_image_is_refused() -> None:
    with pytest.raises(ImageError, match="at least one"):
        observe_ranges(residual_network(), [], 1.0)


def test_an_activation_that_overflows_is_named() -> None:
    huge = {"w": np.full((3, 3, 1, 1), 3e38, np.float32)}
    node = helper.make_node("Conv", ["image", "w"], ["out"], kernel_shape=[1, 1])
    with pytest.raises(NonFiniteOutputError, match="'out' becomes NaN or infinite"):
        observe_ranges(model([node], huge), [photo()], 1.0)


@pytest.mark.parametrize("case", ["black", "dead channel", "outlier", "tiny weights"])
def test_awkward_cases_still_give_a_model_that_runs(case: str) -> None:
    network = residual_network()
    photos = [np.zeros((16, 16, 3), np.uint8)] if case == "black" else [photo()]
    values = network.graph.initializers["w1"]
    array = values.const_value.numpy().copy()
    if case == "dead channel":
        array[0] = 0
    elif case == "outlier":
        array[0, 0, 0, 0] *= 1000
    elif case == "tiny weights":
        array *= 1e-8
    values.const_value = ir.tensor(array)
    quantized = quantize(network, RECIPE, CONTRACT, photos)
    assert np.isfinite(run(quantized, as_input(photo(3)), exact=True)).all()


def test_memory_does_not_grow_with_the_number_of_images() -> None:
    network = residual_network()

    def peak_after(count: int) -> int:
        observe_ranges(network, (photo(seed, (256, 256)) for seed in range(count)), 1.0)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    few = peak_after(4)
    assert peak_after(64) - few < 20_000  # kB; 60 more images and activations would be 400 MB


DEEP = """
import resource
import numpy as np
from onnx import helper
from edge_imgq.quantize.calibration.calibrate import observe_channels
from tests.graph.build import model

def peak_of(depth):
    names = ["image", *(f"v{i}" for i in range(depth - 1)), "out"]
    nodes = [helper.make_node("Sigmoid", [a], [b]) for a, b in zip(names, names[1:])]
    network = model(nodes, {})
    observe_channels(network, [np.zeros((512, 512, 3), np.uint8)], 1.0, closely=True)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

few = peak_of(3)
print(peak_of(64) - few)
"""


def test_memory_does_not_grow_with_the_number_of_layers() -> None:
    found = subprocess.run(
        [sys.executable, "-c", DEEP], check=True, capture_output=True, text=True, cwd=CHECKOUT
    )
    assert int(found.stdout) < 50_000  # kB; all activations at once would be 190 MB
