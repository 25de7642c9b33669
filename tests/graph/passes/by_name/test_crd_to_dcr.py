"""CRD pixel shuffle turned into DCR, against ONNX Runtime on the original."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, model, run, weights
from tests.graph.passes.by_name.shuffled_networks import BODY, CONSTANTS, LAST, check


def shuffled(*between: str, block: int = 2):
    """A convolution, operators between, and a CRD shuffle."""
    generator = np.random.default_rng(3)
    channels = 3 * block * block
    nodes = [
        helper.make_node("Conv", ["image", "w", "b"], ["v0"], kernel_shape=[3, 3], pads=[1] * 4)
    ]
    constants = {
        "w": weights(generator, channels, 3, 3, 3),
        "b": weights(generator, channels),
        "slope": generator.uniform(-1, 1, (channels, 1, 1)).astype(np.float32),
    }
    for index, kind in enumerate(between):
        inputs = [f"v{index}", "slope"] if kind == "PRelu" else [f"v{index}"]
        nodes.append(helper.make_node(kind, inputs, [f"v{index + 1}"]))
    last = f"v{len(between)}"
    nodes.append(helper.make_node("DepthToSpace", [last], ["out"], blocksize=block, mode="CRD"))
    return model(nodes, constants)


@pytest.mark.parametrize("between", [(), ("Relu",), ("PRelu",), ("LeakyRelu", "Tanh")])
@pytest.mark.parametrize("block", [2, 3])
def test_the_convolution_takes_the_permutation(between, block) -> None:
    original = shuffled(*between, block=block)
    rewritten = rewrite(original, ["crd-to-dcr"])
    image = np.random.default_rng(1).normal(size=(1, 3, 6, 5)).astype(np.float32)
    assert kinds(rewritten) == kinds(original)
    assert rewritten.graph[-1].attributes.get_string("mode") == "DCR"
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-6)


def test_without_a_convolution_a_permuting_one_is_put_before_it() -> None:
    node = helper.make_node("DepthToSpace", ["image"], ["out"], blocksize=2, mode="CRD")
    original = model([node], {}, channels=12)
    rewritten = rewrite(original, ["crd-to-dcr"])
    image = np.random.default_rng(1).normal(size=(1, 12, 4, 4)).astype(np.float32)
    assert kinds(rewritten) == ["Conv", "DepthToSpace"]
    assert np.array_equal(run(rewritten, image), run(original, image))


def test_a_convolution_that_others_read_too_keeps_its_channels() -> None:
    generator = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["features"], kernel_shape=[1, 1]),
        helper.make_node("DepthToSpace", ["features"], ["large"], blocksize=2, mode="CRD"),
        helper.make_node("DepthToSpace", ["features"], ["other"], blocksize=2, mode="DCR"),
        helper.make_node("Add", ["large", "other"], ["out"]),
    ]
    original = model(nodes, {"w": weights(generator, 12, 3, 1, 1)})
    rewritten = rewrite(original, ["crd-to-dcr"])
    image = generator.normal(size=(1, 3, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-6)


CONSTANTS |= {
    "lo": np.float32(0), "hi": np.float32(1), "m": np.float32(2),
    "two": np.array([1, 1, 2, 2], np.float32),
}  # fmt: skip

FREE = {
    "a sum of convolutions": (f"{BODY} y = Conv<pads=[1,1,1,1]>(image, w) z = Add(x, y) "
                              f"c = Clip(z, lo, hi) out = {LAST}(c)",
                              ["Conv", "Conv", "Add", "Clip", "DepthToSpace"]),
    "constants per channel": (f"{BODY} y = Mul(x, k) z = Sub(s, y) q = Max(z, m) "
                              f"p = PRelu(q, s) out = {LAST}(p)",
                              ["Conv", "Mul", "Sub", "Max", "PRelu", "DepthToSpace"]),
    "any function of one number": (f"{BODY} y = Elu(x) z = Abs(y) q = Softplus(z) out = {LAST}(q)",
                                   ["Conv", "Elu", "Abs", "Softplus", "DepthToSpace"]),
    "a quotient": (f"{BODY} y = Div(x, k) z = Exp(y) out = {LAST}(z)",
                   ["Conv", "Div", "Exp", "DepthToSpace"]),
    "a depthwise convolution": (f"{BODY} y = Relu(x) z = Conv<group=12>(y, d, db) out = {LAST}(z)",
                                ["Conv", "Relu", "Conv", "DepthToSpace"]),
    "an anchor": (f"{BODY} a = Concat<axis=1>(image, image, image, image) y = Add(x, a) "
                  f"out = {LAST}(y)", ["Conv", "Conv", "Add", "DepthToSpace"]),
    "an anchor of channels": (f"{BODY} e = Slice(image, i0, i1, i1) f = Slice(image, i1, i2, i1) "
                              "h = Slice(image, i2, i3, i1) "
                              "a = Concat<axis=1>(e, e, e, e, f, f, f, f, h, h, h, h) "
                              f"y = Add(x, a) out = {LAST}(y)",
                              ["Conv", "Conv", "Add", "DepthToSpace"]),
    "one channel for all": (f"{BODY} a = ReduceMax<keepdims=1>(image, one) y = Mul(x, a) "
                            f"out = {LAST}(y)", ["Conv", "ReduceMax", "Mul", "DepthToSpace"]),
}  # fmt: skip
PERMUTED = {
    "a grouped convolution": f"{BODY} y = Relu(x) z = Conv<group=2>(y, g) out = {LAST}(z)",
    "others read the sum": f"{BODY} y = Relu(x) z = {LAST}(y) q = {LAST}(y) out = Add(z, q)",
    "one addend only": f"{BODY} t = Conv(image, w, wb) p = Pad(t, pads) y = Add(x, p) "
    f"out = {LAST}(y)",
    "channels of two images": f"{BODY} r = Slice(image, i0, i2, i1) y = Conv(r, t2) "
    f"a = Concat<axis=1>(image, y, image, image) z = Add(x, a) out = {LAST}(z)",
    "a concatenation of two": f"{BODY} y = Conv<pads=[1,1,1,1]>(image, w) "
    f"z = Concat<axis=1>(x, y) out = {LAST}(z)",
}


@pytest.mark.parametrize("name", FREE)
def test_the_permutation_costs_nothing_through(name) -> None:
    check(*FREE[name])


@pytest.mark.parametrize("name", PERMUTED)
def test_a_permuting_convolution_stands_where_nothing_takes_it(name) -> None:
    check(PERMUTED[name], None)
