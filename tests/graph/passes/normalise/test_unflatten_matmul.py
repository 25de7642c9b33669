"""Products of flattened pixels need no flattening."""

from __future__ import annotations

from edge_imgq.graph.passes.normalise.reduce_transposes import reduce_transposes
from edge_imgq.graph.passes.normalise.unflatten_matmul import unflatten_matmul
from tests.graph.build import kinds
from tests.graph.passes.normalise.channels_last import (
    FIRST,
    LAST,
    check,
)


def test_flattened_rows_are_multiplied_where_they_lie() -> None:
    body = f"a = {LAST}(image) b = Reshape(a, flat) c = MatMul(b, matrix) d = Add(c, row) "
    whole = f"{body} e = Reshape(d, back) out = {FIRST}(e)"
    check(whole, ["Conv", "Add"], unflatten_matmul, reduce_transposes)
    other = f"{body} e = Reshape(d, other) out = {FIRST}(e)"
    check(other, None, unflatten_matmul, reduce_transposes)
    assert "MatMul" in kinds(check(other, None, unflatten_matmul))
