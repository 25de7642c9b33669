"""Tone curves in float between integer layers: marked, exact, and dark pixels kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.receptive_field.receptive_field import receptive_field
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import parsed, run, weights

SEED = 3
CONTRACT = ImageContract("image-to-image", 1, "rgb")
PLAIN = QuantizeRecipe("plain", "", "min-max", ("canonical",))
NUMBERS: dict[str, Any] = {
    "t": 0.04045, "slope": 12.92, "shift": 0.055, "span": 1.055, "power": 2.4, "root": 1 / 2.4,
    "u": 0.0031308, "zero": 0.0, "one": 1.0, "least": 1e-6, "gain": 1.5, "part": 0.3,
}  # fmt: skip
GENERATOR = np.random.default_rng(SEED)
CONSTANTS = {name: np.float32(value) for name, value in NUMBERS.items()} | {
    "first": weights(GENERATOR, 12, 3, 3, 3),
    "last": weights(GENERATOR, 3, 12, 3, 3),
}
DECODED = """low = LessOrEqual(image, t) line = Div(image, slope) up = Add(image, shift)
    base = Div(up, span) curve = Pow(base, power) light = Where(low, line, curve)"""
LAYERS = """wide = Conv<pads=[1,1,1,1]>(light, first) kept = Relu(wide)
    narrow = Conv<pads=[1,1,1,1]>(kept, last) bent = Tanh(narrow)"""
SRGB = f"""{DECODED} {LAYERS} soft = Mul(bent, part) factor = Add(soft, gain)
    lit = Mul(light, factor) y = Clip(lit, zero, one) dark = LessOrEqual(y, u)
    ramp = Mul(y, slope) safe = Clip(y, least) rooted = Pow(safe, root)
    tall = Mul(rooted, span) arc = Sub(tall, shift) out = Where(dark, ramp, arc)"""
GAMMA = f"""light = Pow(image, power) {LAYERS} soft = Mul(bent, part) factor = Add(soft, gain)
    lit = Mul(light, factor) y = Clip(lit, least, one) out = Pow(y, root)"""
LOGARITHMS = f"""safe = Add(image, least) light = Log(safe) {LAYERS} soft = Mul(bent, part)
    lit = Add(light, soft) out = Exp(lit)"""
CURVES = {"sRGB": SRGB, "gamma": GAMMA, "logarithms": LOGARITHMS}


def network(name: str) -> ir.Model:
    used = {key: value for key, value in CONSTANTS.items() if key in CURVES[name]}
    return parsed(CURVES[name], used, "24,32", channels=3)


def photo(seed: int) -> Any:
    """Return 8-bit pixels (H, W, C) whose upper half is dark."""
    levels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3))
    levels[:12] //= 12
    return levels.astype(np.uint8)


def image_of(pixels: Any) -> Any:
    return pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255


@pytest.mark.parametrize("name", CURVES)
def test_what_lies_between_curves_is_float_and_layers_read_it_rounded(name: str) -> None:
    model = network(name)
    marked = rewrite(model, ["canonical"])
    image = image_of(photo(0))
    np.testing.assert_allclose(run(marked, image), run(model, image), rtol=1e-4, atol=1e-5)
    layers = [node for node in marked.graph if node.op_type == "Conv"]
    reader = layers[0].inputs[0].producer()
    assert reader is not None
    assert reader.op_type == "Identity"
    assert is_marked(reader)
    kinds = {node.op_type for node in marked.graph if not is_marked(node)}
    assert kinds <= {"Conv", "Relu", "Tanh"} | ({"Mul", "Add"} if name == "logarithms" else set())


@pytest.mark.parametrize("name", CURVES)
def test_dark_pixels_are_not_black_in_int8(name: str) -> None:
    model = network(name)
    quantized = quantize(model, PLAIN, CONTRACT, [photo(seed) for seed in range(3)])
    image = image_of(photo(9))
    wanted, got = run(model, image), run(quantized, image, exact=True)
    dark = image < 0.05
    off = np.abs(np.clip(wanted, 0, 1) - np.clip(got, 0, 1)) * 255
    assert off[dark].mean() < 0.5
    assert np.mean((got <= 0) & (wanted > 2 / 255) & dark) == 0


def test_a_curve_looks_at_its_own_pixel() -> None:
    assert receptive_field(network("sRGB")).radius == 2


def test_a_clipping_that_a_layer_does_stays_with_it() -> None:
    body = """wide = Conv<pads=[1,1,1,1]>(image, first) kept = Relu(wide)
        root = Sqrt(kept) out = Conv<pads=[1,1,1,1]>(root, last)"""
    constants = {key: CONSTANTS[key] for key in ("first", "last")}
    model = rewrite(parsed(body, constants, "24,32", channels=3), ["canonical"])
    assert [node.op_type for node in model.graph if is_marked(node)] == ["Sqrt"]


def test_functions_between_curves_are_float_too() -> None:
    body = """light = Sqrt(image) angle = Mul(light, gain) wave = Sin(angle) turned = Cos(wave)
        whole = Round(turned) out = Sqrt(whole)"""
    marked = rewrite(parsed(body, {"gain": np.float32(0.5)}, "24,32", channels=3), ["canonical"])
    assert all(is_marked(node) for node in marked.graph)
