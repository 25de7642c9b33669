"""Scales that are powers of two; ONNX Runtime, LiteRT and MIL agree on what they compute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.errors import RecipeError
from edge_imgq.graph.network import Tensor
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.quantize.quantize import quantize, quantize_in_steps
from edge_imgq.quantize.ranges.ranges import Range, asymmetric, per_tensor
from edge_imgq.quantize.scales.power_of_two import power, power_above
from edge_imgq.recipe.quantize import QuantizeRecipe, read_quantize_recipe
from tests.export.coreml.witness import run as evaluate
from tests.export.coreml.witness import scale_invariant
from tests.export.tflite.witness import interpreter_of, lowered, network_of
from tests.graph.build import run
from tests.quantize.build import as_input, photo
from tests.quantize.mixed_precision.build import network

pytestmark = pytest.mark.usefixtures("small_patches")

CONTRACT = ImageContract("image-to-image", 1, "rgb")
FULL = QuantizeRecipe(
    "shift", "", "min-max", ("canonical", "sign-split"), "feedback", ("channels",), "image",
    scales="power-of-two",
)  # fmt: skip
PHOTOS = [photo(seed, (48, 48)) for seed in range(4)]


@pytest.fixture(scope="module")
def quantized() -> ir.Model:
    return quantize(network(), FULL, CONTRACT, PHOTOS)


def is_power(numbers: np.ndarray | float) -> bool:
    exponents = np.log2(numbers)
    return bool(np.allclose(exponents, np.rint(exponents), atol=1e-5))


def scale_of(tensor: Tensor | None) -> float:
    assert tensor is not None
    assert tensor.quantization is not None
    return float(tensor.quantization.scale[0])


def test_every_scale_but_the_images_is_a_power_of_two(quantized: ir.Model) -> None:
    view = network_of(ir.to_proto(bind_size(quantized, (24, 20))))
    computed = [tensor for operation in view.operations for tensor in operation.outputs]
    found = {scale_of(tensor) for tensor in computed} - {float(np.float32(1 / 255))}
    assert len(found) >= 2
    assert all(is_power(scale) for scale in found)


def test_the_weights_of_inner_layers_have_powers_of_two_as_scales(quantized: ir.Model) -> None:
    view = network_of(ir.to_proto(bind_size(quantized, (24, 20))))
    layers = [operation for operation in view.operations if operation.kind == "Conv"]
    assert len(layers) == 4
    for layer in layers[1:-1]:
        weights = layer.operand(1).quantization
        assert weights is not None
        assert is_power(weights.scale)


def test_it_costs_less_than_two_bits(quantized: ir.Model) -> None:
    free = quantize_in_steps(network(), replace(FULL, scales="free"), CONTRACT, PHOTOS)
    image = as_input(photo(9))
    wanted = run(network(), image).clip(0, 1)
    errors = [
        np.mean((run(model, image, exact=True) - wanted) ** 2) for model in (quantized, free.model)
    ]
    assert errors[0] < 16 * errors[1]


def test_the_tflite_file_returns_what_the_graph_does(quantized: ir.Model) -> None:
    interpreter = interpreter_of(lowered(ir.to_proto(bind_size(quantized, (24, 20)))))
    off = []
    for seed in range(9, 14):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo(seed)[None])
        interpreter.invoke()
        got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        graph = run(quantized, as_input(photo(seed)), exact=True)[0].transpose(1, 2, 0) * 255
        off.append(np.abs(got.astype(int) - np.rint(graph)))
    assert np.max(off) <= 1
    assert np.mean(np.equal(off, 0)) > 0.999


def test_the_core_ml_package_returns_what_the_graph_does(
    quantized: ir.Model, tmp_path: Path
) -> None:
    view = network_of(ir.to_proto(bind_size(quantized, (24, 20))))
    image = as_input(photo(9))
    (got,) = evaluate(view, {"image": image}, tmp_path / "m.mlpackage")
    off = np.abs(got - scale_invariant(view.outputs[0], run(quantized, image, exact=True)))
    # float16 holds a sum to 11 bits, and halves are many: see docs/drift.md.
    assert off.max() <= 1


@pytest.mark.parametrize(("low", "high"), [(0.0, 3.0), (-1.0, 1.0), (-7.3, 0.2), (-0.001, 0.0)])
def test_a_power_covers_what_the_free_scale_covers(low: float, high: float) -> None:
    free = asymmetric(Range(low, high))
    found = power(free)
    scale, zero = float(found.scale[0]), int(found.zero_point[0])
    assert is_power(scale)
    assert scale < 2 * float(free.scale[0])
    assert (-128 - zero) * scale <= low + scale
    assert (127 - zero) * scale >= high - scale


def test_what_is_a_power_stays() -> None:
    assert power(per_tensor(0.125, 3)).scale[0] == 0.125
    np.testing.assert_array_equal(power_above(np.array([0.25, 0.26, 3.0])), [0.25, 0.5, 4.0])


def test_a_recipe_says_which_scales_it_wants(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('summary = ""\nobserver = "min-max"\npasses = []\nscales = "power-of-two"\n')
    assert read_quantize_recipe(path).scales == "power-of-two"
    path.write_text(path.read_text().replace("power-of-two", "powers"))
    with pytest.raises(RecipeError, match="free, power-of-two, symmetric"):
        read_quantize_recipe(path)
