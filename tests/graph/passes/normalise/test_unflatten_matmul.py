"""Products of flattened pixels need no flattening."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_imgq.graph.passes.normalise.reduce_transposes import reduce_transposes
from edge_imgq.graph.passes.normalise.unflatten_matmul import unflatten_matmul
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE, numbers

GENERATOR = np.random.default_rng(6)


LAST, FIRST = "Transpose<perm=[0,2,3,1]>", "Transpose<perm=[0,3,1,2]>"


def values(*shape: int) -> Any:
    return GENERATOR.normal(size=shape).astype(np.float32)


CONSTANTS: dict[str, Any] = {
    "whole": values(1, 8, 10, 6),
    "matrix": values(6, 4),
    "from": numbers(1),
    "flat": numbers(80, 6),
    "back": numbers(1, 8, 10, 4),
    "row": values(4),
    "other": numbers(1, 10, 8, 4),
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


def test_flattened_rows_are_multiplied_where_they_lie() -> None:
    body = f"a = {LAST}(image) b = Reshape(a, flat) c = MatMul(b, matrix) d = Add(c, row) "
    whole = f"{body} e = Reshape(d, back) out = {FIRST}(e)"
    check(whole, ["Conv", "Add"], unflatten_matmul, reduce_transposes)
    other = f"{body} e = Reshape(d, other) out = {FIRST}(e)"
    check(other, None, unflatten_matmul, reduce_transposes)
    assert "MatMul" in kinds(check(other, None, unflatten_matmul))
