"""Operators in float with gains at their ends: exact, and nearer to the float network."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.error_model.channel_sensitivity import image_weights
from edge_imgq.quantize.prepare.float_operators import (
    OPERATOR_GROUPS,
    POINTWISE_AND_DEPTHWISE,
    compute_in_float,
    operators_in_float,
)
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.scales.scale_constraints import image_quantization
from edge_imgq.quantize.steps.channel_equivalence import (
    GainAndSplit,
    apply_gains_and_copies,
    find_channels,
)
from tests.graph.build import parsed, run, weights
from tests.quantize.prepare.build import (
    CONTRACT,
    LOUD,
    PADS,
    PHOTOS,
    fidelity,
    quantized_where_float_is_slow,
    recipe,
)
from tests.quantize.smooth_photo import photo

NORM = (
    "a = Transpose<perm = [0, 2, 3, 1]>(z) n = LayerNormalization(a, gain, shift) "
    "g = Transpose<perm = [0, 3, 1, 2]>(n)"
)
BODIES = {
    "activation": f"x = Conv{PADS}(image, wx) y = Conv{PADS}(x, wy) g = Tanh(y)",
    "product": f"x = Conv{PADS}(image, wx) y = Conv{PADS}(x, wy) g = Mul(x, y)",
    "norm": f"x = Conv{PADS}(image, wx) y = Conv{PADS}(x, wy) z = Add(x, y) {NORM}",
}


def network(kind: str, end: str = f"out = Conv{PADS}(g, w, bias)") -> ir.Model:
    """What a kind of operator makes of the image, one channel loud, and a convolution of it."""
    generator = np.random.default_rng(3)
    constants: dict[str, Any] = {
        "wx": LOUD * weights(generator, 8, 3, 3, 3),
        "wy": weights(generator, 8, 8, 3, 3) * LOUD / LOUD.reshape(1, 8, 1, 1) / 9,
        "w": weights(generator, 3, 8, 3, 3) / 3,
        "wn": weights(generator, 8, 8, 3, 3) / 9,
        "wj": weights(generator, 8, 16, 1, 1),
        "wp": np.ones((8, 8, 1, 1), np.float32) / LOUD.reshape(1, 8, 1, 1) / 8,
        "wd": weights(generator, 8, 1, 7, 7) * 3,
        "bias": np.float32([0.4, 0.5, 0.6]),
        "one": np.array([1]), "tiny": np.float32(1e-3),
        "gain": LOUD.reshape(8) / 9, "shift": np.linspace(-1, 1, 8, dtype=np.float32),
    }  # fmt: skip
    body = f"{BODIES[kind]} {end}"
    words = set(body.replace("(", " ").replace(")", " ").replace(",", " ").split())
    used = {key: value for key, value in constants.items() if key in words}
    return parsed(body, used, size="96,96", channels=3)


def found_names(graph: ir.Graph) -> list[str]:
    return [node.name or "" for group in OPERATOR_GROUPS for node in group.find(graph)]


@pytest.mark.parametrize("kind", BODIES)
def test_gains_around_operators_in_float_change_nothing(kind: str) -> None:
    graph = network(kind)
    changed = graph.clone()
    compute_in_float(changed.graph, found_names(changed.graph))
    channels = find_channels(changed.graph)
    drawn = np.random.default_rng(4).uniform(0.1, 9, channels.count)
    gain = np.where(channels.scalable, drawn, 1.0)
    apply_gains_and_copies(
        changed.graph, channels, GainAndSplit(gain, np.ones(channels.count, np.intp))
    )
    image = to_nchw(photo(7), 1.0)
    np.testing.assert_allclose(run(changed, image), run(graph, image), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["activation", "product"])
def test_an_image_gains_by_operators_in_float(kind: str) -> None:
    """Against the same quantizer that leaves them as they are."""
    graph = network(kind)
    quantized = quantized_where_float_is_slow(graph)
    without = quantized_where_float_is_slow(graph, ())
    assert fidelity(quantized, graph) > fidelity(without, graph) + 2


def test_a_norm_gets_gains_at_its_ends() -> None:
    graph = network("norm")
    quantized = quantize(graph, recipe("image"), CONTRACT, PHOTOS)
    names = {(node.name or "").rpartition(".")[2] for node in quantized.graph}
    assert {"entering", "leaving"} <= names
    without = quantize(graph, recipe("none"), CONTRACT, PHOTOS)
    assert fidelity(quantized, graph) > fidelity(without, graph) + 6


def test_a_trunk_that_a_norm_and_a_layer_read_is_rounded_for_the_layer_alone() -> None:
    """As in VapSR: x = norm(x + layer(x)), so that no rounding stays in the trunk."""
    end = f"h = Conv{PADS}(g, wn) t = Add(g, h) s = Mul(t, t) u = ReduceMean<keepdims = 1>(s, one) "
    end += f"p = Add(u, tiny) o = Sqrt(p) j = Div(t, o) out = Conv{PADS}(j, w, bias)"
    quantized = quantize(network("norm", end), recipe("image"), CONTRACT, PHOTOS)
    (total,) = (node for node in quantized.graph if node.outputs[0].name == "t")
    assert is_marked(total)
    trunk, block = (edit.producer_of(total, place) for place in (0, 1))
    assert (trunk.op_type, block.op_type) == ("Add", "Mul")
    assert edit.producer_of(block, 0).op_type == "DequantizeLinear"


def test_what_float_operators_feed_is_joined_in_float() -> None:
    """As in SPAN: the first layer and a product, read together by a 1×1 convolution."""
    end = f"c = Concat<axis = 1>(g, x) j = Conv(c, wj) out = Conv{PADS}(j, w, bias)"
    graph = network("product", end)
    quantized = quantized_where_float_is_slow(graph)
    (joined,) = (node for node in quantized.graph if node.op_type == "Concat")
    (layer,) = joined.outputs[0].consumers()
    assert is_marked(joined)
    assert is_marked(layer)
    without = quantized_where_float_is_slow(graph, OPERATOR_GROUPS[:-1])
    assert fidelity(quantized, graph) > fidelity(without, graph) + 1


def test_what_a_depthwise_layer_reads_of_a_product_is_not_rounded() -> None:
    """As in StarNet: a 1×1 layer reads the product, a 7×7 one sums 49 of its rounding errors."""
    end = "p = Conv(g, wp) d = Conv<group = 8, pads = [3, 3, 3, 3]>(p, wd) "
    graph = network("product", f"{end} out = Conv{PADS}(d, w, bias)")
    quantized = quantized_where_float_is_slow(graph)
    assert all(is_marked(node) for node in quantized.graph if node.outputs[0].name in ("p", "d"))
    others = [group for group in OPERATOR_GROUPS if group is not POINTWISE_AND_DEPTHWISE]
    without = quantized_where_float_is_slow(graph, others)
    assert fidelity(quantized, graph) > fidelity(without, graph) + 1


def test_operators_stay_integers_where_the_file_would_take_as_long_as_a_float_file() -> None:
    quantized = quantize(network("activation"), recipe("image"), CONTRACT, PHOTOS)
    assert not any(is_marked(node) for node in quantized.graph if node.op_type == "Tanh")


@pytest.mark.parametrize(("before", "after", "noise", "is_float"), [
    (0.6, 0.7, 1, True), (0.6, 0.9, 1, False),
    (0.85, 0.97, 1, True), (0.85, 1.03, 1, False), (0.85, 0.97, 1e-4, False),
])  # fmt: skip
def test_where_integers_save_little_time_a_product_may_take_that_of_floats(
    before: float, after: float, noise: float, is_float: bool
) -> None:
    """As in StarNet, whose depthwise 7×7 convolutions are slow: if it halves visible noise."""
    graph = network("product")
    batch = to_nchw(photo(7), CONTRACT.peak)

    def errors(model: ir.Model) -> dict[str, Any]:
        return {name: noise * error for name, error in image_weights(model, batch).items()}

    def share_of_time(model: ir.Model) -> float:
        return after if any(map(is_marked, model.graph)) else before

    operators_in_float(
        graph,
        observe_channels(graph, PHOTOS, CONTRACT.peak),
        image_quantization(CONTRACT.pixel_scale),
        errors,
        share_of_time,
    )
    assert any(map(is_marked, graph.graph)) == is_float
