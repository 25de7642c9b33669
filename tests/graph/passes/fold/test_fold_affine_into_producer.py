"""Factors and offsets behind a convolution are folded into it."""

from __future__ import annotations

import pytest

from edge_imgq.graph.passes.express.batch_norm_to_conv import batch_norm_to_conv
from edge_imgq.graph.passes.fold.fold_affine_into_producer import fold_affine_into_producer
from tests.graph.passes.fold.build import CONV, check

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


@pytest.mark.parametrize("name", UPWARD)
def test_what_follows_a_convolution_is_folded_into_it(name: str) -> None:
    check(*UPWARD[name], (batch_norm_to_conv, fold_affine_into_producer))


@pytest.mark.parametrize("name", NOT_UPWARD)
def test_what_does_not_commute_stays(name: str) -> None:
    check(NOT_UPWARD[name], None, (fold_affine_into_producer,))
