"""The canonical forms, each against ONNX Runtime on the original."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.passes.canonical import canonical
from edge_imgq.graph.passes.protect.mark_std_float import mark_std_float
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run

SEED = 8
IMAGE = np.random.default_rng(SEED).normal(size=(1, 6, 8, 10)).astype(np.float32)


def weights(*shape: int) -> Any:
    return np.random.default_rng((SEED, *shape)).normal(size=shape).astype(np.float32)


def numbers(*values: int) -> Any:
    return np.array(values, np.int64)


NORM = {"g": weights(6), "b": weights(6)}
MEAN, CHANNELS = "ReduceMean<keepdims=1>(image, a)", {"a": numbers(1)}
SPELLED = f"m = {MEAN} d = Sub(image, m) s = {{}} v = ReduceMean<keepdims=1>(s, a)"
SHUFFLE = "{} r = Reshape({}, n) t = Transpose<perm=[{}]>(r) out = Reshape(t, m)"
STATISTICS = ["ReduceMean", "Sub", "Mul", "ReduceMean", "Add", "Pow", "Mul"]
GROUPED = ["ReduceMean", "MatMul", "Unsqueeze"]

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "instance norm": (
        "out = InstanceNormalization<epsilon=0.001>(image, g, b)", NORM, [*STATISTICS, "Mul", "Add"]
    ),
    "instance norm without gain": (
        "out = InstanceNormalization(image, g, b)",
        {"g": np.ones(6, np.float32), "b": np.zeros(6, np.float32)}, STATISTICS,
    ),
    "instance norm after a convolution": (
        "c = Conv(image, w, h) out = InstanceNormalization<epsilon=0.1>(c, g, b)",
        {"w": weights(4, 6, 3, 3) * np.float32([[[[1]]], [[[9]]], [[[0.1]]], [[[2]]]]),
         "h": weights(4), "g": weights(4), "b": weights(4)},
        ["Conv", *STATISTICS, "Mul", "Add"],
    ),
    "instance norm after a transposed convolution": (
        "c = ConvTranspose<strides=[2,2]>(image, w, h) out = InstanceNormalization(c, g, b)",
        {"w": weights(6, 4, 3, 3), "h": weights(4), "g": weights(4), "b": weights(4)},
        ["ConvTranspose", *STATISTICS, "Mul", "Add"],
    ),
    "group norm": (
        "out = GroupNormalization<num_groups=3>(image, g, b)", NORM,
        [*GROUPED, "Sub", "Mul", *GROUPED, "Add", "Pow", "Mul", "Mul", "Add"],
    ),
    "layer norm over width": (
        "out = LayerNormalization(image, g)", {"g": weights(10)}, [*STATISTICS, "Mul"]
    ),
    "layer norm over all axes": (
        "out = LayerNormalization<axis=1>(image, g, b)",
        {"g": weights(6, 8, 10), "b": weights(6, 8, 10)}, [*STATISTICS, "Mul", "Add"],
    ),
    "layer norm over channels": (
        "t = Transpose<perm=[0,2,3,1]>(image) n = LayerNormalization(t, g, b) "
        "out = Transpose<perm=[0,3,1,2]>(n)", NORM, [*STATISTICS, "Mul", "Add"],
    ),
    "spelled norm": (
        SPELLED.format("Pow(d, two)") + " e = Add(v, eps) r = Sqrt(e) out = Div(d, r)",
        {**CHANNELS, "two": np.float32(2), "eps": np.float32(1e-3)}, STATISTICS,
    ),
    "spelled norm by a product": (
        SPELLED.format("Mul(d, d)") + " e = Add(eps, v) r = Sqrt(e) out = Div(d, r)",
        {**CHANNELS, "eps": np.float32(1e-3)}, STATISTICS,
    ),
    "spelled norm of whole images": (
        "m = GlobalAveragePool(image) d = Sub(image, m) s = Mul(d, d) v = GlobalAveragePool(s) "
        "e = Add(v, eps) r = Sqrt(e) i = Reciprocal(r) out = Mul(d, i)",
        {"eps": np.float32(1e-3)}, STATISTICS,
    ),
    "a mean whose axes come back": (
        "m = ReduceMean<keepdims=0>(image, a) s = Mul(m, two) u = Reshape(s, n) "
        "out = Sub(image, u)",
        {"a": numbers(2, 3), "two": np.float32(2), "n": numbers(1, 6, 1, 1)},
        ["ReduceMean", "Mul", "Sub"],
    ),
    "mean over channels": (f"out = {MEAN}", CHANNELS, ["Conv"]),
    "mean over channels and width": (
        "out = ReduceMean<keepdims=1>(image, a)", {"a": numbers(1, 3)}, ["ReduceMean"]
    ),
    "prelu by a minimum": (
        "p = Relu(image) n = Min(image, z) m = Mul(n, a) out = Add(p, m)",
        {"z": np.float32(0), "a": weights(6, 1, 1)}, ["PRelu"],
    ),
    "prelu by a negation": (
        "p = Relu(image) i = Neg(image) n = Relu(i) m = Mul(a, n) out = Sub(p, m)",
        {"a": weights(1, 6, 1, 1)}, ["PRelu"],
    ),
    "prelu by a size": (
        "p = Relu(image) i = Abs(image) n = Sub(image, i) m = Mul(a, n) h = Mul(m, c) "
        "out = Add(h, p)", {"a": weights(6, 1, 1), "c": np.float32(0.5)}, ["PRelu"],
    ),
    "no prelu of two images": (
        "t = Tanh(image) p = Relu(image) i = Abs(t) n = Sub(t, i) m = Mul(a, n) out = Add(m, p)",
        {"a": weights(6, 1, 1)}, ["Tanh", "Relu", "Abs", "Sub", "Mul", "Add"],
    ),
    "no prelu of a maximum": (
        "p = Relu(image) n = Max(image, z) m = Mul(n, a) out = Add(p, m)",
        {"z": np.float32(-1), "a": weights(6, 1, 1)}, ["Relu", "Clip", "Mul", "Add"],
    ),
    "flattened group norm": (
        "r = Reshape(image, n) i = InstanceNormalization(r, g, b) out = Reshape(i, m)",
        {"n": numbers(0, 3, -1), "m": numbers(1, 6, 8, 10), "g": weights(3), "b": weights(3)},
        [*GROUPED, "Sub", "Mul", *GROUPED, "Add", "Pow", "Mul", "Mul", "Add"],
    ),
    "shuffle of channels": (
        SHUFFLE.format("", "image", "0,2,1,3,4"),
        {"n": numbers(1, 3, 2, 8, 10), "m": numbers(1, 6, 8, 10)}, ["Conv"],
    ),
    "shuffle of channels between convolutions": (
        "c = Conv(image, w) " + SHUFFLE.format("", "c", "0,2,1,3,4").replace("out =", "s =")
        + " out = Conv(s, w)",
        {"n": numbers(1, 3, 2, 8, 10), "m": numbers(1, 6, 8, 10), "w": weights(6, 6, 1, 1)},
        ["Conv"],
    ),
    "a transposition that changes the shape": (
        SHUFFLE.format("", "image", "0,2,1,3,4"),
        {"n": numbers(1, 3, 2, 8, 10), "m": numbers(1, 3, 16, 10)},
        ["Reshape", "Transpose", "Reshape"],
    ),
    "spelled depth to space": (
        SHUFFLE.format("c = Concat<axis=1>(image, image)", "c", "0,1,4,2,5,3"),
        {"n": numbers(1, 3, 2, 2, 8, 10), "m": numbers(1, 3, 16, 20)}, ["Concat", "DepthToSpace"],
    ),
    "spelled depth to space, blocks first": (
        SHUFFLE.format("c = Concat<axis=1>(image, image)", "c", "0,3,4,1,5,2"),
        {"n": numbers(1, 2, 2, 3, 8, 10), "m": numbers(1, 3, 16, 20)}, ["Concat", "DepthToSpace"],
    ),
    "spelled space to depth": (
        SHUFFLE.format("", "image", "0,3,5,1,2,4"),
        {"n": numbers(1, 6, 4, 2, 5, 2), "m": numbers(1, 24, 4, 5)}, ["SpaceToDepth"],
    ),
    "pixel unshuffle": (
        SHUFFLE.format("", "image", "0,1,3,5,2,4"),
        {"n": numbers(1, 6, 4, 2, 5, 2), "m": numbers(1, 24, 4, 5)}, ["SpaceToDepth", "Conv"],
    ),
    "shuffle of other axes": (
        SHUFFLE.format("", "image", "0,1,4,2,5,3"),
        {"n": numbers(1, 6, 4, 2, 5, 2), "m": numbers(1, 6, 20, 4)},
        ["Reshape", "Transpose", "Reshape"],
    ),
    "maximum of three": (
        "a = Abs(image) out = Max(image, a, c)", {"c": np.float32(0.5)}, ["Abs", "Max", "Clip"]
    ),
    "sum": ("a = Abs(image) out = Sum(image, a, a)", {}, ["Abs", "Add", "Add"]),
    "division by a number": ("out = Div(image, c)", {"c": np.float32(3)}, ["Mul"]),
    "square": ("out = Pow(image, c)", {"c": np.float32(2)}, ["Mul"]),
    "root": ("t = Abs(image) out = Pow(t, c)", {"c": np.float32(0.5)}, ["Abs", "Sqrt"]),
    "power one": ("t = Abs(image) out = Pow(t, c)", {"c": np.float32(1)}, ["Abs", "Pow"]),
    "power one inside": (
        "t = Pow(image, c) out = Abs(t)", {"c": np.float32(1)}, ["Abs"]
    ),
    "hard sigmoid": ("out = HardSigmoid<alpha=0.3>(image)", {}, ["Mul", "Add", "Clip"]),
    "tiled channels": ("out = Tile(image, n)", {"n": numbers(1, 3, 1, 1)}, ["Concat"]),
    "tiled rows": ("out = Tile(image, n)", {"n": numbers(1, 1, 3, 1)}, ["Tile"]),
    "interleaved channels": (
        "u = Unsqueeze(image, a) e = Expand(u, s) out = Reshape(e, n)",
        {"a": numbers(2), "s": numbers(1, 1, 4, 1, 1), "n": numbers(1, -1, 8, 10)}, ["Conv"],
    ),
    "expanded mean": (
        f"m = {MEAN} out = Expand(m, s)", {**CHANNELS, "s": numbers(1, 5, 1, 1)},
        ["Conv", "Concat"],
    ),
    "expansion to the own shape": (
        "e = Expand(image, s) out = Relu(e)", {"s": numbers(1, 1, 1, 1)}, ["Relu"]
    ),
    "edge padding": (
        'out = Pad<mode="edge">(image, n)', {"n": numbers(0, 0, 1, 0, 0, 0, 0, 2)},
        ["Slice", "Concat", "Slice", "Concat"],
    ),
    "edge padding of some axes": (
        'out = Pad<mode="edge">(image, n, , a)', {"n": numbers(3, 1), "a": numbers(-1)},
        ["Slice", "Slice", "Concat"],
    ),
    "padding that goes round": (
        'out = Pad<mode="wrap">(image, n, , a)', {"n": numbers(3, 1, 2, 0), "a": numbers(2, 3)},
        ["Slice", "Slice", "Concat", "Slice", "Concat"],
    ),
    "expansion before a difference": (
        "m = ReduceMax<keepdims=1>(image, a) e = Expand(m, s) out = Sub(e, image)",
        {"a": numbers(3), "s": numbers(1, 6, 8, 10)}, ["ReduceMax", "Sub"],
    ),
    "expansion before a choice": (
        "m = ReduceMax<keepdims=1>(image, a) e = Expand(m, s) c = Greater(image, z) "
        "d = Where(c, e, image) out = Relu(d)",
        {"a": numbers(3), "s": numbers(1, 6, 8, 10), "z": np.float32(0.5)},
        ["ReduceMax", "Greater", "Where", "Relu"],
    ),
    "copies of one channel before a sum": (
        "m = ReduceMax<keepdims=1>(image, a) t = Tile(m, n) out = Add(t, image)",
        {"a": numbers(1), "n": numbers(1, 6, 1, 1)}, ["ReduceMax", "Add"],
    ),
    "copies of several channels before a sum": (
        "s = Slice(image, z, h, o) t = Tile(s, n) out = Add(t, image)",
        {"z": numbers(0), "h": numbers(2), "o": numbers(1), "n": numbers(1, 3, 1, 1)},
        ["Slice", "Concat", "Add"],
    ),
    "expansion that gives the shape": (
        "m = ReduceMax<keepdims=1>(image, a) e = Expand(m, s) out = Sub(e, c)",
        {"a": numbers(3), "s": numbers(1, 6, 8, 10), "c": np.float32(1)},
        ["ReduceMax", "Expand", "Sub"],
    ),
    "gather of a run": (
        "g = Gather<axis=1>(image, i) out = Relu(g)", {"i": numbers(2, 3, 4)}, ["Slice", "Relu"]
    ),
    "gather of one channel": (
        "g = Gather<axis=1>(image, i) out = Relu(g)", {"i": np.int64(-2)},
        ["Slice", "Squeeze", "Relu"],
    ),
    "gather in disorder": ("out = Gather<axis=1>(image, i)", {"i": numbers(2, -5, 2)}, ["Conv"]),
    "gather in disorder, then a convolution": (
        "g = Gather<axis=-3>(image, i) out = Conv<pads=[1,1,1,1]>(g, w)",
        {"i": numbers(2, 1, 0, 5, 4, 3), "w": weights(4, 6, 3, 3)}, ["Conv"],
    ),
    "gather of rows in disorder": (
        "out = Gather<axis=2>(image, i)", {"i": numbers(2, 1)}, ["Gather"]
    ),
    "channels picked by GatherND": (
        "t = Transpose<perm=[1,0,2,3]>(image) g = GatherND(t, i) "
        "b = Transpose<perm=[1,0,2,3]>(g) out = Relu(b)",
        {"i": numbers(4, 0, 5).reshape(3, 1)}, ["Conv", "Relu"],
    ),
    "gemm": (
        "m = ReduceMean<keepdims=0>(image, a) out = Gemm<alpha=0.5, beta=2.0>(m, w, b)",
        {"a": numbers(2, 3), "w": weights(6, 4), "b": weights(4)},
        ["ReduceMean", "Unsqueeze", "Conv", "Squeeze"],
    ),
    "gemm transposed": (
        "m = ReduceMean<keepdims=0>(image, a) out = Gemm<transB=1>(m, w)",
        {"a": numbers(2, 3), "w": weights(4, 6)}, ["ReduceMean", "Unsqueeze", "Conv", "Squeeze"],
    ),
    "matrix product": (
        "m = ReduceMean<keepdims=0>(image, a) out = MatMul(m, w)",
        {"a": numbers(2, 3), "w": weights(6, 4)}, ["ReduceMean", "Unsqueeze", "Conv", "Squeeze"],
    ),
    "half the size": (
        'out = Resize<mode="linear">(image, , s)',
        {"s": np.array([1, 1, 0.5, 0.5], np.float32)}, ["Conv"],
    ),
    "half the height": (
        'out = Resize<mode="linear">(image, , s)',
        {"s": np.array([1, 1, 0.5, 1], np.float32)}, ["Resize"],
    ),
    "half by corners": (
        'out = Resize<mode="linear", coordinate_transformation_mode="align_corners">(image, , s)',
        {"s": np.array([1, 1, 0.5, 0.5], np.float32)}, ["Resize"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_canonical_form_computes_the_same(name: str) -> None:
    body, constants, wanted = CASES[name]
    original = parsed(body, constants)
    rewritten = rewrite(original, ["canonical"])
    assert kinds(rewritten) == wanted
    result, reference = run(rewritten, IMAGE, exact=True), run(original, IMAGE, exact=True)
    assert result.shape == reference.shape
    np.testing.assert_allclose(result, reference, atol=1e-5)
    assert rewritten.graph.outputs[0].name == "out"


@pytest.mark.parametrize("name", ["instance norm", "spelled norm", "group norm", "half the size"])
def test_open_heights_and_widths_stay_open(name: str) -> None:
    body, constants, wanted = CASES[name]
    original = parsed(body, constants, size="h,w")
    rewritten = rewrite(original, ["canonical"])
    assert kinds(rewritten) == wanted
    for size in [(4, 6), (9, 7)]:
        image = np.random.default_rng(SEED).normal(size=(1, 6, *size)).astype(np.float32)
        np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-5)


def test_a_graph_in_canonical_form_stays_as_it_is() -> None:
    rewritten = rewrite(parsed(*CASES["instance norm"][:2]), ["canonical"])
    before = kinds(rewritten)
    canonical(rewritten)
    assert kinds(rewritten) == before


def test_a_norm_whose_gain_is_computed_is_left_alone() -> None:
    body = "m = ReduceMean<keepdims=0>(image, a) out = InstanceNormalization(image, g, m)"
    flat = body.replace("image, g, m", "image, m, g")
    constants = {"a": numbers(0, 2, 3), "g": weights(6)}
    for text in (body, flat):
        assert kinds(rewrite(parsed(text, constants), ["canonical"]))[-1] == "InstanceNormalization"


@pytest.mark.parametrize(
    "body",
    [
        "m = ReduceMean<keepdims=1>(image, a) d = Sub(image, m) s = Mul(d, d) "
        "v = ReduceMean<keepdims=1>(s, a) f = Mul(v, n) r = Sqrt(f) e = Add(r, eps) "
        "out = Div(image, e)",
        "s = Pow(image, two) v = ReduceMean<keepdims=1>(s, a) f = Add(v, eps) r = Pow(f, half) "
        "out = Mul(image, r)",
        "x = Relu(image) s = Mul(x, x) v = ReduceMean<keepdims=1>(s, a) f = Add(v, eps) "
        "r = Sqrt(f) out = Div(x, r)",
    ],
)
def test_deviations_are_float_from_the_square_to_the_division(body: str) -> None:
    numbered = {"n": np.float32(80 / 79), "eps": np.float32(1e-5), "two": np.float32(2)}
    constants = {**numbered, "a": numbers(2, 3), "half": np.float32(-0.5)}
    model = parsed(body, {key: value for key, value in constants.items() if f"{key})" in body})
    assert mark_std_float(model) == 1
    assert all(is_marked(node) for node in model.graph if node.op_type != "Relu")


def test_powers_in_a_deviation_become_products_and_roots_that_stay_float() -> None:
    """XNNPACK has no POW."""
    body = (
        "m = ReduceMean<keepdims=1>(image, a) d = Sub(image, m) s = Pow(d, two) "
        "v = ReduceMean<keepdims=1>(s, a) r = Pow(v, half) out = Relu(r)"
    )
    constants = {"a": numbers(2, 3), "two": np.float32(2), "half": np.float32(0.5)}
    original = parsed(body, constants)
    rewritten = rewrite(original, ["canonical"])
    assert kinds(rewritten) == ["ReduceMean", "Sub", "Mul", "ReduceMean", "Sqrt", "Relu"]
    assert [is_marked(node) for node in rewritten.graph] == [True] * 6
    np.testing.assert_allclose(run(rewritten, IMAGE), run(original, IMAGE), atol=1e-6)


INTERLEAVED = "u = Unsqueeze(image, a) t = Tile(u, n) s = Shape(t) b = Slice(s, z, o, z) "


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("e = Slice(s, h, m, z) q = Concat<axis=0>(b, k, e)", ["Conv"]),
        ("v = Shape<start=2>(image) q = Concat<axis=0>(b, c, v)", ["Conv"]),
        ("e = Slice(s, h, m, z) q = Concat<axis=0>(b, e, k)", None),
    ],
    ids=["lengths of the copies", "lengths of the image", "other axes joined"],
)
def test_interleaved_channels_of_an_open_size_are_a_convolution(
    target: str, kind: list[str] | None
) -> None:
    """As torch exports `repeat_interleave` with open height and width."""
    lengths = {"a": 2, "z": 0, "o": 1, "h": 3, "m": 2**62, "k": -1, "c": 24}
    constants = {name: numbers(value) for name, value in lengths.items()}
    counts = {"n": numbers(1, 1, 4, 1, 1)}
    model = parsed(f"{INTERLEAVED}{target} out = Reshape(t, q)", constants | counts, "h,w")
    changed = rewrite(model, ("canonical",))
    np.testing.assert_array_equal(run(changed, IMAGE), run(model, IMAGE))
    found = [node.op_type for node in changed.graph]
    assert found == kind if kind else "Conv" not in found


def test_an_expansion_to_an_open_shape_goes_where_arithmetic_broadcasts_to_it() -> None:
    """As torch exports `torch.nn.functional.normalize` with open height and width."""
    body = "n = ReduceL2<keepdims=1>(image, a) c = Clip(n, z) s = Shape(image) e = Expand(c, s)"
    constants = {"a": numbers(1), "z": np.float32(1e-12)}
    model = parsed(f"{body} out = Div(image, e)", constants, "h,w")
    changed = rewrite(model, ("canonical",))
    np.testing.assert_allclose(run(changed, IMAGE), run(model, IMAGE), rtol=1e-6)
    assert not {"Shape", "Expand"} & {node.op_type for node in changed.graph}
    assert all(map(is_marked, changed.graph))
    other = parsed(f"{body} d = Div(image, c) out = Add(e, c)", constants, "h,w")
    np.testing.assert_allclose(
        run(rewrite(other, ("canonical",)), IMAGE), run(other, IMAGE), rtol=1e-6
    )
