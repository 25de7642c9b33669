"""Linear layers on rows are linear layers on the image."""

from __future__ import annotations

from edge_imgq.graph.passes.normalise.lift_gemm_over_reshape import lift_gemm_over_reshape
from edge_imgq.graph.passes.normalise.reduce_transposes import reduce_transposes
from edge_imgq.graph.passes.tidy.merge_reshapes import merge_reshapes
from tests.graph.passes.normalise.channels_last import (
    FIRST,
    LAST,
    check,
)


def test_linear_layers_on_rows_become_convolutions_of_the_image() -> None:
    body = (
        f"a = {LAST}(image) r = Reshape(a, flat) g = Gemm(r, matrix, row) e = Gelu(g) "
        "h = Gemm<transB=1, alpha=0.5, beta=2.0>(e, matrix, vector) c = Mul(h, vector) "
    )
    parts = (lift_gemm_over_reshape, merge_reshapes, reduce_transposes)
    whole = f"{body} s = Reshape(c, own) out = {FIRST}(s)"
    check(whole, ["Conv", "Add", "Gelu", "Conv", "Add", "Mul"], *parts)
    check(f"{body} out = Relu(c)", None, *parts)
    check(f"{body} d = Add(c, r) out = Relu(d)", None, *parts)
    untouched = "r = Reshape(image, flat) out = Gemm(r, matrix, row)"
    check(untouched, ["Reshape", "Gemm"], *parts)
