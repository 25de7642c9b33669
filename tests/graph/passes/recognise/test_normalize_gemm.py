"""Products and slopes of rare forms are those that targets have."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE, weights

PRODUCTS = {
    "Gemm of columns": "m = ReduceMean<keepdims=0>(image, axes) t = Transpose<perm=[1,0]>(m) "
    "out = Gemm<transA=1>(t, w)",
    "Gemm with a matrix": "m = ReduceMean<keepdims=0>(image, last) s = Squeeze(m, first) "
    "out = Gemm<beta=0.5>(s, v, table)",
    "vector times matrix": "m = ReduceMean<keepdims=0>(image, axes) s = Squeeze(m, first) "
    "out = MatMul(s, w)",
    "rows times vector": "out = MatMul(image, ten)",
    "vector times vector": "m = ReduceMean<keepdims=0>(image, axes) s = Squeeze(m, first) "
    "d = MatMul(s, six) out = Relu(d)",
    "slopes per pixel": "out = PRelu(image, slopes)",
    "rows by Einsum": 't = Transpose<perm=[0,2,3,1]>(image) e = Einsum<equation="bhwc,oc->bhwo">'
    "(t, turned) out = Transpose<perm=[0,3,1,2]>(e)",
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_and_slopes_of_rare_forms_compute_the_same(name: str) -> None:
    numbers = {"axes": [2, 3], "last": [3], "first": [0]}
    constants = {key: np.array(values, np.int64) for key, values in numbers.items()}
    constants |= {
        "w": weights(6, 4), "v": weights(8, 5), "table": weights(6, 5), "ten": weights(10),
        "six": weights(6), "slopes": weights(6, 8, 1), "turned": weights(4, 6),
    }  # fmt: skip
    model = parsed(PRODUCTS[name], constants)
    rewritten = rewrite(model, ["canonical"])
    got, wanted = run(rewritten, IMAGE), run(model, IMAGE)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, atol=2e-5)
    assert not {"Einsum", "PRelu"} & set(kinds(rewritten))
    assert not any(node.attributes.get_int("transA", 0) for node in rewritten.graph)
