"""CRD pixel shuffle turned into DCR, against ONNX Runtime on the original."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, model, parsed, run, weights


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


CONSTANTS = {
    name: weights(np.random.default_rng(9), *shape)
    for name, shape in {
        "w": (12, 3, 3, 3), "wb": (12,), "v": (12, 12, 1, 1), "d": (12, 1, 3, 3), "db": (12,),
        "k": (1, 12, 1, 1), "s": (12, 1, 1), "s3": (3, 1, 1), "g": (12, 6, 1, 1), "u": (5, 3, 1, 1),
        "t2": (3, 2, 1, 1),
    }.items()
}  # fmt: skip
CONSTANTS |= {
    "lo": np.float32(0), "hi": np.float32(1), "m": np.float32(2),
    "two": np.array([1, 1, 2, 2], np.float32),
}  # fmt: skip
BODY = "x = Conv<pads=[1,1,1,1]>(image, w, wb)"
LAST = 'DepthToSpace<blocksize=2, mode="CRD">'

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
ACTIVE = {
    "relu": (f"{BODY} y = {LAST}(x) out = Relu(y)", ["Conv", "Relu", "DepthToSpace"]),
    "clip": (f"{BODY} y = DepthToSpace<blocksize=2>(x) out = Clip(y, lo, hi)",
             ["Conv", "Clip", "DepthToSpace"]),
    "prelu": (f"{BODY} y = {LAST}(x) out = PRelu(y, s3)", ["Conv", "PRelu", "DepthToSpace"]),
    "prelu after dcr": (f"{BODY} y = DepthToSpace<blocksize=2>(x) out = PRelu(y, s3)",
                        ["Conv", "PRelu", "DepthToSpace"]),
    "enlarging": (f'{BODY} y = Resize<mode="nearest">(x, , two) z = PRelu(y, s) out = Tanh(z)',
                  ["Conv", "PRelu", "Tanh", "Resize"]),
    "enlarging any function": (f'{BODY} y = Resize<mode="nearest">(x, , two) z = Gelu(y) '
                               "out = Elu(z)", ["Conv", "Gelu", "Elu", "Resize"]),
    "not interpolation": (f'{BODY} y = Resize<mode="linear">(x, , two) out = Relu(y)',
                          ["Conv", "Resize", "Relu"]),
    "not where others read": (f"{BODY} y = {LAST}(x) z = Relu(y) out = Add(y, z)",
                              ["Conv", "DepthToSpace", "Relu", "Add"]),
    "not a fixed range": (f"{BODY} y = {LAST}(x) out = Sigmoid(y)",
                          ["Conv", "DepthToSpace", "Sigmoid"]),
}  # fmt: skip


def check(body: str, wanted: list[str] | None) -> None:
    words = set(body.replace(",", " ").replace("(", " ").replace(")", " ").split())
    constants = {key: value for key, value in CONSTANTS.items() if key in words}
    constants |= {f"i{i}": np.array([i], np.int64) for i in range(4) if f"i{i}" in words}
    if "one" in words:
        constants["one"] = np.array([1], np.int64)
    if "pads" in words:
        constants["pads"] = np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    original = parsed(body, constants, size="6,5", channels=3)
    rewritten = rewrite(original, ["crd-to-dcr"])
    image = np.random.default_rng(1).normal(size=(1, 3, 6, 5)).astype(np.float32)
    if wanted is not None:
        assert kinds(rewritten) == wanted
    modes = {node.attributes.get_string("mode") for node in rewritten.graph
             if node.op_type == "DepthToSpace"}  # fmt: skip
    assert "CRD" not in modes
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-5)


@pytest.mark.parametrize("name", FREE)
def test_the_permutation_costs_nothing_through(name) -> None:
    check(*FREE[name])


@pytest.mark.parametrize("name", PERMUTED)
def test_a_permuting_convolution_stands_where_nothing_takes_it(name) -> None:
    check(PERMUTED[name], None)
