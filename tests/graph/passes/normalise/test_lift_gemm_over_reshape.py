"""Linear layers on rows are linear layers on the image."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.graph.passes.normalise.lift_gemm_over_reshape import lift_gemm_over_reshape
from edge_imgq.graph.passes.normalise.reduce_transposes import reduce_transposes
from edge_imgq.graph.passes.tidy.merge_reshapes import merge_reshapes
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE, numbers

GENERATOR = np.random.default_rng(6)


LAST, FIRST = "Transpose<perm=[0,2,3,1]>", "Transpose<perm=[0,3,1,2]>"


def values(*shape: int) -> Any:
    return GENERATOR.normal(size=shape).astype(np.float32)


CONSTANTS: dict[str, Any] = {
    "vector": values(6),
    "whole": values(1, 8, 10, 6),
    "matrix": values(6, 4),
    "from": numbers(1),
    "flat": numbers(80, 6),
    "row": values(4),
    "own": numbers(1, 8, 10, 6),
}


def check(body: str, wanted: list[str] | None, *passes: Any) -> Any:
    words = set(body.replace(",", " ").replace("(", " ").replace(")", " ").split())
    constants = {key: CONSTANTS[key] for key in CONSTANTS if key in words}
    graph = parsed(body, constants)
    reference = run(graph, IMAGE, exact=True)
    for part in passes:
        part(graph)
    if wanted is not None:
        assert kinds(graph) == wanted
    result = run(graph, IMAGE, exact=True)
    np.testing.assert_allclose(result, reference, atol=2e-6)
    assert graph.graph.outputs[0].name == "out"
    return graph


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
