"""Networks that count in other units inside lose what they lose in those of their pixels.

Many published networks multiply by 255 first and divide last. Both forms of a network here return
the same image in ONNX Runtime; their integers are run by ONNX Runtime and LiteRT.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import FileNote
from edge_imgq.export.tflite.lower import lower
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.folders import quantize_recipe
from tests.families.convert import run_file
from tests.families.figures import psnr
from tests.graph.build import parsed, run, weights
from tests.quantize.build import CONTRACT, as_input
from tests.quantize.smooth_photo import photo

SIZE = (64, 80)
MAX_APART = 0.5
"""dB between the two forms: learned roundings differ by some tenths from one draw to another."""

PADDED = "Conv<pads=[1, 1, 1, 1]>"

BODIES = {
    "instance norm": f"a = {PADDED}(x, w0, b0) m = InstanceNormalization<epsilon=EPS>(a, s, t) "
    f"p = Relu(m) e = {PADDED}(p, w1, b1) q = Relu(e)",
    "channel attention": f"a = {PADDED}(x, w0, b0) p = Relu(a) m = GlobalAveragePool(p) "
    f"n = Mul(m, k) o = Conv(n, v) g = Sigmoid(o) e = Mul(p, g) f = {PADDED}(e, w1, b1) "
    "q = Relu(f)",
    "mean over the image": f"a = {PADDED}(x, w0, b0) p = Relu(a) "
    f"m = ReduceMean<keepdims=1>(p, axes) n = Sub(p, m) f = {PADDED}(n, w1, b1) q = Relu(f)",
    "gate": f"a = {PADDED}(x, w0, b0) n = Mul(a, k) g = Sigmoid(n) e = Mul(a, g) "
    f"f = {PADDED}(e, w1, b1) q = Relu(f)",
}


def network(kind: str, unit: float) -> ir.Model:
    """Return a network whose values are `unit` times those of its pixels."""
    generator = np.random.default_rng(3)
    constants: dict[str, Any] = {
        "w0": weights(generator, 8, 3, 3, 3), "w1": weights(generator, 8, 8, 3, 3),
        "w2": 0.2 * weights(generator, 3, 8, 3, 3), "v": weights(generator, 8, 8, 1, 1),
        "b0": unit * 0.1 * weights(generator, 8), "b1": unit * 0.1 * weights(generator, 8),
        "s": unit * generator.uniform(0.2, 0.4, 8), "t": unit * 0.1 * weights(generator, 8),
        "k": 4 / unit, "up": unit, "down": 1 / unit, "axes": np.array([2, 3]),
    }  # fmt: skip
    body = BODIES[kind].replace("EPS", f"{1e-5 * unit**2:.15f}")
    text = f"x = Mul(image, up) {body} y = {PADDED}(q, w2) z = Mul(y, down) out = Add(z, image)"
    used = set(re.findall(r"\w+", text))
    floats = {name: np.float32(value) for name, value in constants.items() if name in used}
    if "axes" in used:
        floats["axes"] = constants["axes"]
    return normalise(ir.to_proto(parsed(text, floats, size='"h","w"', channels=3)), "units")


@cache
def fidelity(kind: str, unit: float) -> float:
    """Return dB between the float and the int8 network, mean over three images."""
    original = network(kind, unit)
    images = [photo(seed, SIZE) for seed in range(6)]
    quantized = quantize(original, quantize_recipe("int8"), CONTRACT, iter(images))
    file = lower(read_network(bind_size(quantized, SIZE)), FileNote("u", "t", CONTRACT, "0.0"))
    found = []
    for seed in (50, 51, 52):
        pixels = photo(seed, SIZE)
        wanted = run(original, as_input(pixels)).clip(0, 1)
        same = run(network(kind, 1), as_input(pixels)).clip(0, 1)
        np.testing.assert_allclose(wanted, same, atol=2e-5)
        levels = np.rint(run(quantized, as_input(pixels), exact=True) * 255)
        got = run_file(file, pixels.transpose(2, 0, 1)[np.newaxis])
        assert (np.abs(got - levels) <= 1).mean() >= 0.99
        found.append(psnr(levels, wanted * 255))
    return float(np.mean(found))


@pytest.mark.usefixtures("small_patches")
@pytest.mark.parametrize(
    ("kind", "unit"), [*((kind, 255.0) for kind in BODIES), ("instance norm", 1 / 255)]
)
def test_a_network_loses_the_same_in_other_units(kind: str, unit: float) -> None:
    assert fidelity(kind, unit) == pytest.approx(fidelity(kind, 1), abs=MAX_APART)
    assert fidelity(kind, unit) > 50
