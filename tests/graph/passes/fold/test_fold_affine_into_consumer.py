"""Factors and offsets in front of convolutions are folded into them."""

from __future__ import annotations

import pytest

from edge_imgq.graph.passes.express.batch_norm_to_conv import batch_norm_to_conv
from edge_imgq.graph.passes.fold.fold_affine_into_consumer import fold_affine_into_consumer
from tests.graph.passes.fold.build import check

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


@pytest.mark.parametrize("name", DOWNWARD)
def test_what_precedes_a_convolution_is_folded_into_it(name: str) -> None:
    check(*DOWNWARD[name], (batch_norm_to_conv, fold_affine_into_consumer))


@pytest.mark.parametrize("name", NOT_DOWNWARD)
def test_what_one_reader_cannot_take_stays(name: str) -> None:
    check(NOT_DOWNWARD[name], None, (fold_affine_into_consumer,))
