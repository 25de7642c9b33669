"""Operators that few networks have, rewritten with others: the same numbers in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from edge_imgq.graph.passes.recognise import decompose_log_sums
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run

SIZE = "8,10"
FAR = np.float32(12)
"""Images reach from −6 to 6, so that exponentials matter on both sides."""

AXES = {"a": np.array([1], np.int64)}
BOTH = {"a": np.array([2, 3], np.int64)}
ROOT, HALF, ONE = np.float32(np.sqrt(2)), np.float32(0.5), np.float32(1)
CUBE = {"s": np.float32(0.7978846), "k": np.float32(0.044715), "t": np.float32(3)}

ACTIVATIONS = {
    "softplus": "out = Softplus(image)",
    "mish": "out = Mish(image)",
    "selu": "out = Selu(image)",
    "selu of other numbers": "out = Selu<alpha=1.5, gamma=0.8>(image)",
    "celu": "out = Celu<alpha=1.7>(image)",
    "elu": "out = Elu<alpha=0.3>(image)",
    "softsign": "out = Softsign(image)",
    "soft threshold": "out = Shrink<lambd=0.4, bias=0.4>(image)",
    "hard threshold": "out = Shrink<lambd=2.0>(image)",
    "threshold with another step": "out = Shrink<lambd=1.5, bias=0.25>(image)",
    "cut below one": "out = ThresholdedRelu(image)",
    "cut below another number": "out = ThresholdedRelu<alpha=-0.7>(image)",
}
REDUCTIONS = {
    "sum of channels": ("out = ReduceSum(image, a)", AXES),
    "sum of pixels": ("out = ReduceSum<keepdims=0>(image, a)", BOTH),
    "absolute sum": ("out = ReduceL1(image, a)", AXES),
    "norm": ("out = ReduceL2(image, a)", BOTH),
    "sum of squares": ("out = ReduceSumSquare(image, a)", BOTH),
    "greatest pixel": ("out = GlobalMaxPool(image)", {}),
    "log of a sum": ("e = Exp(image) out = ReduceLogSum(e, a)", AXES),
    "log of a sum of powers": ("out = ReduceLogSumExp(image, a)", AXES),
    "the same without its axes": ("out = ReduceLogSumExp<keepdims=0>(image, a)", BOTH),
    "the same of all": ("out = ReduceLogSumExp(image)", {}),
    "log of softmax": ("out = LogSoftmax<axis=1>(image)", {}),
    "log of softmax along rows": ("out = LogSoftmax(image)", {}),
    "divided by its norm": ("out = LpNormalization<axis=1>(image)", {}),
    "divided by its absolute sum": ("out = LpNormalization<axis=1, p=1>(image)", {}),
    "norm of channels": ("out = GlobalLpPool(image)", {}),
    "absolute sum of channels": ("out = GlobalLpPool<p=1>(image)", {}),
}
GELUS = {
    "as torch writes it": (
        "d = Div(image, r) e = Erf(d) s = Add(e, o) m = Mul(image, s) out = Mul(m, h)",
        {"r": ROOT, "o": ONE, "h": HALF},
    ),
    "half first": (
        "c = Mul(image, q) e = Erf(c) s = Add(o, e) m = Mul(h, image) out = Mul(m, s)",
        {"q": 1 / ROOT, "o": ONE, "h": HALF},
    ),
    "by tanh with a power": (
        "p = Pow(image, t) k3 = Mul(p, k) i = Add(image, k3) j = Mul(i, s) u = Tanh(j) "
        "v = Add(u, o) m = Mul(image, v) out = Mul(m, h)",
        {**CUBE, "o": ONE, "h": HALF},
    ),
    "by tanh with products": (
        "q = Mul(image, image) k2 = Mul(q, k) w = Add(k2, o) z = Mul(image, w) j = Mul(z, s) "
        "u = Tanh(j) v = Add(u, o) n = Mul(image, h) out = Mul(n, v)",
        {key: value for key, value in CUBE.items() if key != "t"} | {"o": ONE, "h": HALF},
    ),
}


CHOICES = {
    "leaky": ("p = Greater(image, z) n = Mul(image, k) out = Where(p, image, n)", "LeakyRelu"),
    "turned": ("p = Less(image, z) n = Mul(k, image) out = Where(p, n, image)", "LeakyRelu"),
    "relu": ("p = GreaterOrEqual(image, z) out = Where(p, image, z)", "Relu"),
}
CUBICS = {
    "doubled": ("half_pixel", 2, -0.75),
    "by three": ("pytorch_half_pixel", 3, -0.75),
    "by four from the corner, another kernel": ("asymmetric", 4, -0.5),
}
EINSUMS = {
    "channels by a constant": ("nchw,oc->nohw", {"w": (5, 6)}, ["Conv"]),
    "channels by a constant, turned": ("nchw,co->nohw", {"w": (6, 5)}, ["Conv"]),
    "the constant first": ("oc,nchw->nohw", {"w": (5, 6)}, ["Conv"]),
    "other letters, and spaces": ("A g, Zgqx -> ZAqx", {"w": (5, 6)}, ["Conv"]),
    "a result with channels last": ("nchw,oc->nhwo", {"w": (5, 6)}, ["Conv", "Transpose"]),
    "rows by a constant": ("nchw,hk->nkcw", {"w": (8, 4)}, None),
    "the last axis": ("nchw,wk->nchk", {"w": (10, 3)}, ["MatMul"]),
    "the last axis, dots": ("...w,kw->...k", {"w": (3, 10)}, ["MatMul"]),
    "columns of each channel": ("nchw,cwk->nhck", {"w": (6, 10, 3)}, None),
    "a matrix for each channel": ("nchw,cwk->nchk", {"w": (6, 10, 3)}, None),
    "a factor for each channel": ("nchw,c->nchw", {"w": (6,)}, None),
    "channels weighed and summed": ("nchw,c->nhw", {"w": (6,)}, None),
    "a mask": ("nchw,hw->nchw", {"w": (8, 10)}, ["Mul"]),
    "no result named": ("nchw,hw", {"w": (8, 10)}, None),
    "an axis of the matrix summed alone": ("nchw,cok->nohw", {"w": (6, 5, 2)}, None),
    "two matrices": ("nchw,oc,kw->nohk", {"w": (5, 6), "v": (3, 10)}, ["Conv", "MatMul"]),
    "an outer product": ("nchw,k->nkchw", {"w": (3,)}, None),
}
ALONE = {
    "turned": ("nchw->nhwc", ["Transpose"]),
    "turned, dots": ("...ij->...ji", ["Transpose"]),
    "summed and turned": ("nchw->nwc", None),
    "no result named": ("dcba", ["Transpose"]),
}
PAIRS = {
    "attention": "bchw,bckw->bchk",
    "attention of channels": "bchw,bdhw->bcd",
    "products of pixels": "bchw,bchw->bhw",
    "a product": "bchw,bchw->bchw",
    "rows by columns": "bchw,bchk->bcwk",
    "with dots": "...hw,...kw->...hk",
}


def assert_same(body: str, constants: dict[str, object], *gone: str) -> list[str]:
    model = parsed(body, constants, SIZE)
    changed = rewrite(model, ["canonical"])
    image = (np.random.default_rng(0).random((1, 6, 8, 10), np.float32) - HALF) * FAR
    np.testing.assert_allclose(run(changed, image), run(model, image), rtol=2e-5, atol=2e-5)
    kinds = [node.op_type for node in changed.graph]
    assert not set(gone) & set(kinds)
    return kinds


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_rare_activation_becomes_common_operators(name: str) -> None:
    kind = ACTIVATIONS[name].split("=")[1].strip().split("(")[0].split("<")[0]
    gone = () if kind == "Elu" else (kind,)
    assert_same(ACTIVATIONS[name], {}, *gone)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_sums_and_norms_become_means(name: str) -> None:
    body, constants = REDUCTIONS[name]
    gone = ("ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "GlobalMaxPool")
    assert_same(body, constants, *gone, *decompose_log_sums.FORMS)


NORMS = {
    "as ReduceL2": "n = ReduceL2<keepdims=1>(image, a) out = Div(image, n)",
    "spelled out": (
        "s = Mul(image, image) t = ReduceSum<keepdims=1>(s, a) n = Sqrt(t) out = Div(image, n)"
    ),
    "with a power": (
        "s = Pow(image, two) t = ReduceSum<keepdims=1>(s, a) n = Sqrt(t) out = Div(image, n)"
    ),
}


@pytest.mark.parametrize("name", NORMS)
def test_the_norm_of_many_pixels_stays_in_the_range_of_float16(name: str) -> None:
    """Its square is 5e7; the mean of squares is that of one pixel."""
    constants = {"a": np.array([2, 3]), "two": np.float32(2)}
    assert_same(NORMS[name], constants)
    model = rewrite(parsed(NORMS[name], constants, "64,64"), ["canonical"])
    model.graph.outputs.extend(
        value for node in model.graph for value in node.outputs if not value.is_graph_output()
    )
    image = np.full((1, 6, 64, 64), 110, np.float32)
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    assert max(np.abs(value).max() for value in session.run(None, {"image": image})) < 65504


@pytest.mark.parametrize("name", GELUS)
def test_a_spelled_gelu_is_found_in_any_order(name: str) -> None:
    assert assert_same(*GELUS[name]) == ["Gelu"]


def test_what_only_looks_like_a_gelu_is_left() -> None:
    body, constants = GELUS["as torch writes it"]
    assert "Gelu" not in assert_same(body, constants | {"h": np.float32(0.4)})
    assert "Gelu" not in assert_same(body, constants | {"r": np.float32(1)})


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_by_sign_becomes_an_activation(name: str) -> None:
    body, kind = CHOICES[name]
    assert assert_same(body, {"z": np.float32(0), "k": np.float32(0.2)}) == [kind]


def test_a_choice_by_another_number_is_left() -> None:
    body, _ = CHOICES["leaky"]
    assert "Where" in assert_same(body, {"z": np.float32(0.5), "k": np.float32(0.2)})


def test_the_softplus_that_torch_exports_is_one() -> None:
    body = "s = Softplus(image) p = Greater(image, t) w = Where(p, image, s) out = Neg(w)"
    assert_same(body, {"t": np.float32(20)}, "Where", "Greater", "Softplus")


@pytest.mark.parametrize("size", ["8,10", "h,w"])
@pytest.mark.parametrize("name", CUBICS)
def test_cubic_upsampling_becomes_a_convolution(name: str, size: str) -> None:
    coordinates, factor, a = CUBICS[name]
    attributes = f'mode="cubic", coordinate_transformation_mode="{coordinates}", cubic_coeff_a={a}'
    scales = {"s": np.array([1, 1, factor, factor], np.float32)}
    model = parsed(f"out = Resize<{attributes}>(image, , s)", scales, size, channels=3)
    changed = rewrite(model, ["canonical"])
    assert "Resize" not in {node.op_type for node in changed.graph}
    image = np.random.default_rng(1).random((1, 3, 8, 10), np.float32)
    np.testing.assert_allclose(run(changed, image), run(model, image), atol=2e-6)


@pytest.mark.parametrize("name", EINSUMS)
def test_an_einsum_becomes_a_product(name: str) -> None:
    equation, shapes, kinds = EINSUMS[name]
    generator = np.random.default_rng(2)
    constants = {key: generator.normal(size=s).astype(np.float32) for key, s in shapes.items()}
    image_last = name in ("the constant first", "other letters, and spaces")
    operands = ["w", "image"] if image_last else ["image", *shapes]
    body = f'out = Einsum<equation="{equation}">({", ".join(operands)})'
    made = assert_same(body, constants, "Einsum")
    assert kinds is None or made == kinds


@pytest.mark.parametrize("name", ALONE)
def test_an_einsum_of_one_operand_is_a_transposition_or_a_sum(name: str) -> None:
    equation, kinds = ALONE[name]
    made = assert_same(f'out = Einsum<equation="{equation}">(image)', {}, "Einsum")
    assert kinds is None or made == kinds


@pytest.mark.parametrize("name", PAIRS)
def test_an_einsum_of_two_computed_values_becomes_a_product(name: str) -> None:
    body = f'c = Sigmoid(image) out = Einsum<equation="{PAIRS[name]}">(image, c)'
    assert_same(body, {}, "Einsum")


def test_an_einsum_along_a_diagonal_is_left() -> None:
    body = 's = Slice(image, a, b, c) out = Einsum<equation="bchh->bch">(s)'
    ends = {"a": np.array([0]), "b": np.array([8]), "c": np.array([3])}
    assert "Einsum" in assert_same(body, ends)


def test_powers_of_large_numbers_do_not_overflow() -> None:
    for body in ("out = ReduceLogSumExp(far, a)", "out = LogSoftmax<axis=1>(far)"):
        used = AXES if "a)" in body else {}
        assert_same(f"far = Mul(image, k) {body}", {"k": np.float32(100), **used})


def test_a_vector_of_zeros_stays_one_when_it_is_divided_by_its_norm() -> None:
    model = parsed("z = Mul(image, k) out = LpNormalization<axis=1>(z)", {"k": np.float32(0)}, SIZE)
    image = np.ones((1, 6, 8, 10), np.float32)
    assert not run(rewrite(model, ["canonical"]), image).any()


def test_other_powers_of_a_norm_are_left() -> None:
    model = parsed("out = GlobalLpPool<p=3>(image)", {}, SIZE)
    assert [node.op_type for node in rewrite(model, ["canonical"]).graph] == ["GlobalLpPool"]
