"""Factors and offsets folded into convolutions, against ONNX Runtime on the original."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.passes.express.batch_norm_to_conv import batch_norm_to_conv
from edge_imgq.graph.passes.fold.fold_affine_into_consumer import fold_affine_into_consumer
from edge_imgq.graph.passes.fold.fold_affine_into_producer import fold_affine_into_producer
from tests.graph.build import kinds, parsed, run

SEED = 5
GENERATOR = np.random.default_rng(SEED)
IMAGE = GENERATOR.normal(size=(1, 6, 8, 10)).astype(np.float32)


def values(*shape: int) -> Any:
    return GENERATOR.normal(size=shape).astype(np.float32)


PLUS = np.abs(values(1, 6, 1, 1)) + np.float32(0.1)
CONSTANTS: dict[str, Any] = {
    "w": values(6, 6, 3, 3), "wb": values(6), "v": values(6, 6, 1, 1), "d": values(6, 1, 3, 3),
    "t": values(6, 6, 2, 2), "k": values(1, 6, 1, 1), "c": values(6, 1, 1), "p": PLUS,
    "w12": values(12, 6, 1, 1), "w24": values(24, 6, 1, 1), "r": values(6, 12, 1, 1),
    "k12": values(1, 12, 1, 1), "slope": values(6, 1, 1), "s": np.float32(0.58),
    "m": np.float32(-0.4), "h": np.float32(0.5), "lo": np.float32(0), "hi": np.float32(1),
    "six": np.float32(6), "zero": np.zeros(6, np.float32), "var": np.abs(values(6)) + 1,
    "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "map": values(1, 1, 8, 10),
    "two": np.array([1, 1, 2, 2], np.float32), "r24": values(6, 24, 1, 1),
}  # fmt: skip

CONV = "x = Conv<pads=[1,1,1,1]>(image, w, wb)"
UPWARD: dict[str, tuple[str, list[str]]] = {
    "per channel": (f"{CONV} out = Mul(x, k)", ["Conv"]),
    "constant first": (f"{CONV} out = Sub(c, x)", ["Conv"]),
    "quotient and negation": (f"{CONV} y = Div(x, k) out = Neg(y)", ["Conv"]),
    "without a bias": ("x = Conv(image, w) y = Mul(x, s) out = Add(y, k)", ["Conv"]),
    "depthwise": ("x = Conv<group=6>(image, d) y = Mul(x, k) out = Sub(y, c)", ["Conv"]),
    "transposed": (
        "x = ConvTranspose(image, t, wb) y = Mul(x, k) out = Add(y, c)", ["ConvTranspose"]
    ),
    "batch norm": (
        "x = ConvTranspose<strides=[2,2]>(image, t) "
        "out = BatchNormalization(x, wb, wb, zero, var)", ["ConvTranspose"],
    ),
    "through relu": (f"{CONV} y = Relu(x) out = Mul(y, p)", ["Conv", "Relu"]),
    "through prelu": (f"{CONV} y = PRelu(x, slope) out = Mul(y, p)", ["Conv", "PRelu"]),
    "through leaky relu": (f"{CONV} y = LeakyRelu(x) out = Mul(y, p)", ["Conv", "LeakyRelu"]),
    "through clip": (f"{CONV} y = Clip(x, lo, hi) z = Mul(y, s) out = Add(z, h)", ["Conv", "Clip"]),
    "through a residual": (
        f"{CONV} y = Conv(image, v) z = Add(x, y) q = Mul(z, k) out = Add(q, c)",
        ["Conv", "Conv", "Add"],
    ),
    "through a gate": (
        f"{CONV} g = GlobalAveragePool(image) q = Mul(x, g) out = Mul(q, k)",
        ["Conv", "GlobalAveragePool", "Mul"],
    ),
    "through concatenation": (
        f"{CONV} y = Conv<pads=[1,1,1,1]>(image, w) z = Concat<axis=1>(x, y) out = Mul(z, k12)",
        ["Conv", "Conv", "Concat"],
    ),
    "through a shuffle": (
        "x = Conv(image, w24) y = DepthToSpace<blocksize=2>(x) z = Mul(y, k) out = Sub(z, c)",
        ["Conv", "DepthToSpace"],
    ),
    "through a shuffle of the other order": (
        'x = Conv(image, w24) y = DepthToSpace<blocksize=2, mode="CRD">(x) out = Mul(y, k)',
        ["Conv", "DepthToSpace"],
    ),
    "through enlarging": (
        f'{CONV} y = Resize<mode="linear">(x, , two) z = Mul(y, k) out = Add(z, c)',
        ["Conv", "Resize"],
    ),
    "through pooling": (
        f"{CONV} y = MaxPool<kernel_shape=[2,2]>(x) z = AveragePool<kernel_shape=[2,2]>(y) "
        "q = Mul(z, p) out = Add(q, c)", ["Conv", "MaxPool", "AveragePool"],
    ),
    "through padding": (f"{CONV} y = Pad(x, pads) out = Mul(y, k)", ["Conv", "Pad"]),
}  # fmt: skip
NOT_UPWARD: dict[str, str] = {
    "negative through relu": f"{CONV} y = Relu(x) out = Mul(y, k)",
    "offset through relu": f"{CONV} y = Relu(x) out = Add(y, h)",
    "others read it": f"{CONV} y = Mul(x, k) out = Add(x, y)",
    "offset through padding": f"{CONV} y = Pad(x, pads) out = Add(y, h)",
    "a number per pixel": f"{CONV} out = Mul(x, map)",
    "bounded": f"{CONV} y = Tanh(x) out = Mul(y, s)",
    "a named clipping": f"{CONV} y = Clip(x, lo, six) out = Mul(y, s)",
    "channels apart through clip": f"{CONV} y = Clip(x, lo, hi) out = Mul(y, p)",
    "one branch": f"{CONV} y = Tanh(image) z = Add(x, y) out = Mul(z, k)",
    "nothing before": "y = Mul(image, k) out = Relu(y)",
    "twice in one node": f"{CONV} y = Concat<axis=1>(x, x) out = Mul(y, k12)",
}
DOWNWARD: dict[str, tuple[str, list[str]]] = {
    "image normalisation": (
        "x = Sub(image, c) y = Div(x, p) out = Conv(y, w, wb)", ["Conv"]
    ),
    "factor before padding": ("x = Mul(image, k) out = Conv<pads=[1,1,1,1]>(x, w)", ["Conv"]),
    "offset before padding, joined": (
        "i = Concat<axis=1>(image, image, image) x = Mul(i, s) y = Add(x, h) "
        "out = Conv<pads=[1,1,1,1], group=3>(y, w)", ["Concat", "Conv", "Conv"],
    ),
    "few channels, not joined": (
        "x = Mul(image, k) y = Add(x, c) out = Conv<pads=[1,1,1,1]>(y, w)", ["Mul", "Add", "Conv"]
    ),
    "three of them on few channels": (
        "x = Mul(image, k) y = Add(x, c) z = Neg(y) out = Conv<pads=[1,1,1,1]>(z, w)",
        ["Mul", "Add", "Conv"],
    ),
    "batch norm": (
        "x = BatchNormalization(image, wb, wb, zero, var) out = Conv<strides=[2,2]>(x, v, wb)",
        ["Conv"],
    ),
    "two readers": (
        "x = Mul(image, k) y = Conv(x, v) z = Conv<group=6>(x, d) q = GlobalAveragePool(z) "
        "out = Add(y, q)", ["Conv", "Conv", "GlobalAveragePool", "Add"],
    ),
    "grouped": (
        "x = Mul(image, k) y = Add(x, c) out = Conv<group=6>(y, d, wb)", ["Conv"]
    ),
    "through relu": ("x = Mul(image, p) y = Relu(x) out = Conv(y, v)", ["Relu", "Conv"]),
    "through prelu": (
        "x = Mul(image, p) y = PRelu(x, slope) out = ConvTranspose(y, t)",
        ["PRelu", "ConvTranspose"],
    ),
    "through concatenation": (
        "q = Tanh(image) x = Mul(image, k) y = Sub(x, c) z = Concat<axis=1>(q, y) "
        "out = Conv(z, r, wb)", ["Tanh", "Concat", "Conv"],
    ),
    "a concatenation with itself": (
        "x = Mul(image, k) y = Sub(x, c) z = Concat<axis=1>(y, y) out = Conv(z, r, wb)",
        ["Concat", "Conv"],
    ),
    "through blocks": (
        "x = Mul(image, k) y = Add(x, c) z = SpaceToDepth<blocksize=2>(y) out = Conv(z, r24)",
        ["SpaceToDepth", "Conv"],
    ),
    "through reflection": (
        'x = Add(image, k) y = Pad<mode="reflect">(x, pads) out = Conv(y, w)', ["Pad", "Conv"]
    ),
    "after a bounded activation": (
        "i = Concat<axis=1>(image, image, image) x = Tanh(i) y = Mul(x, s) out = Add(y, h)",
        ["Concat", "Tanh", "Conv"],
    ),
    "undoing each other": ("x = Add(image, c) y = Sub(x, c) out = Relu(y)", ["Relu"]),
    "factors alone": ("x = Mul(image, k) y = Mul(x, s) out = Tanh(y)", ["Mul", "Tanh"]),
    "offsets alone": ("x = Add(image, k) y = Sub(x, s) out = Tanh(y)", ["Add", "Tanh"]),
}  # fmt: skip
NOT_DOWNWARD: dict[str, str] = {
    "a reader that is no convolution": "x = Mul(image, k) y = Conv(x, v) z = Tanh(x) "
    "out = Add(y, z)",
    "offset before padding": "x = Add(image, k) out = Conv<pads=[0,0,1,1]>(x, w)",
    "offset before a transposed convolution": "x = Add(image, k) out = ConvTranspose(x, t)",
    "negative before relu": "x = Mul(image, k) y = Relu(x) out = Conv(y, v)",
    "a number per pixel": "x = Mul(image, map) out = Conv(x, v)",
    "more channels than the image": "a = ReduceMean<keepdims=1>(image, one) x = Mul(a, k) "
    "out = Conv(x, v)",
}


def check(body: str, wanted: list[str] | None, passes: tuple[Any, ...]) -> None:
    constants = {key: CONSTANTS[key] for key in CONSTANTS if f"{key}" in _words(body)}
    if "one" in _words(body):
        constants["one"] = np.array([1], np.int64)
    graph = parsed(body, constants)
    before, reference = kinds(graph), run(graph, IMAGE, exact=True)
    for part in passes:
        part(graph)
    assert kinds(graph) == (before if wanted is None else wanted)
    result = run(graph, IMAGE, exact=True)
    np.testing.assert_allclose(result, reference, atol=1e-5 * max(1, np.abs(reference).max()))
    assert graph.graph.outputs[0].name == "out"


def _words(body: str) -> set[str]:
    return set(body.replace(",", " ").replace("(", " ").replace(")", " ").split())


@pytest.mark.parametrize("name", UPWARD)
def test_what_follows_a_convolution_is_folded_into_it(name: str) -> None:
    check(*UPWARD[name], (batch_norm_to_conv, fold_affine_into_producer))


@pytest.mark.parametrize("name", NOT_UPWARD)
def test_what_does_not_commute_stays(name: str) -> None:
    check(NOT_UPWARD[name], None, (fold_affine_into_producer,))


@pytest.mark.parametrize("name", DOWNWARD)
def test_what_precedes_a_convolution_is_folded_into_it(name: str) -> None:
    check(*DOWNWARD[name], (batch_norm_to_conv, fold_affine_into_consumer))


@pytest.mark.parametrize("name", NOT_DOWNWARD)
def test_what_one_reader_cannot_take_stays(name: str) -> None:
    check(NOT_DOWNWARD[name], None, (fold_affine_into_consumer,))
