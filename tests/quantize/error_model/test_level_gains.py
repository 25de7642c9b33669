"""What one level becomes, where arithmetic says it; ONNX Runtime computes the graph."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.quantize.error_model.level_gains import level_gains
from tests.graph.build import parsed

SIZE = 40
SCALE = np.float32(2 / 255)


def quantized(gain: float) -> ir.Model:
    """An image that is rounded, halved, rounded to two levels, moved and taken times a gain."""
    body = (
        "i = QuantizeLinear(image, fine, none) j = DequantizeLinear(i, fine, none) "
        "k = Mul(j, half) q = QuantizeLinear(k, scale, none) d = DequantizeLinear(q, scale, none) "
        "m = Sub(d, middle) r = Mul(m, gain) s = QuantizeLinear(r, fine, none) "
        "t = DequantizeLinear(s, fine, none) o = Add(t, grey) "
        "u = QuantizeLinear(o, fine, none) out = DequantizeLinear(u, fine, none)"
    )
    constants = {
        "fine": np.float32(1 / 255),
        "scale": SCALE,
        "none": np.int8(0),
        "half": np.float32(0.5),
        "middle": np.float32(0.25),
        "gain": np.float32(gain),
        "grey": np.float32(0.5),
    }
    return parsed(body, constants, size=f"{SIZE},{SIZE}", channels=3)


@pytest.mark.parametrize("gain", [0.5, 35.0])
def test_a_level_becomes_as_many_as_the_gain_behind_it(gain: float) -> None:
    image = np.full((1, 3, SIZE, SIZE), 0.5, np.float32)
    found = {entry.tensor: entry for entry in level_gains(quantized(gain), image, 1.0)}
    assert found.keys() == {"k", "r"}  # neither the image, which is whole levels, nor the result
    assert found["k"].levels == pytest.approx(2 * gain, rel=1e-3)
    assert found["r"].levels == pytest.approx(1, rel=1e-3)
    assert found["k"].operator == "Mul"


def test_the_loudest_tensor_comes_first_and_what_pixels_clip_does_not_count() -> None:
    image = np.full((1, 3, SIZE, SIZE), 0.5, np.float32)
    loudest, _ = level_gains(quantized(35.0), image, 1.0)
    assert loudest.tensor == "k"
    white = level_gains(quantized(35.0), image + np.float32(0.5), 1.0)
    assert max(gain.levels for gain in white) == 0  # 35 · ¼ beyond white, moved or not


def test_a_graph_is_left_as_it_was() -> None:
    model = quantized(2.0)
    before = ir.to_proto(model).SerializeToString()
    level_gains(model, np.full((1, 3, SIZE, SIZE), 0.5, np.float32), 1.0)
    assert ir.to_proto(model).SerializeToString() == before
