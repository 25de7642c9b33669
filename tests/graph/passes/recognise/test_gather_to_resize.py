"""Pixels picked by tables: what torch's nearest-exact becomes, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import parsed, run

BODY = (
    "t = Transpose<perm=[2,3,0,1]>(image) g = GatherND(t, table) out = Transpose<perm=[2,3,0,1]>(g)"
)
IMAGE = np.random.default_rng(7).random((1, 6, 8, 10), np.float32)


def picked(rows: list[int], columns: list[int]) -> tuple[list[str], float]:
    table = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=2)
    model = parsed(BODY, {"table": table}, "8,10")
    changed = rewrite(model, ["canonical"])
    expected = IMAGE[:, :, rows][:, :, :, columns]
    np.testing.assert_array_equal(run(model, IMAGE), expected)
    return [node.op_type for node in changed.graph], np.abs(run(changed, IMAGE) - expected).max()


def exact(count: int, length: int) -> list[int]:
    """Return torch's table of nearest-exact: floor((i + 0.5) * length / count)."""
    return [int((i + 0.5) * length / count) for i in range(count)]


@pytest.mark.parametrize(("height", "width"), [(16, 20), (24, 30), (12, 15), (4, 5), (11, 7)])
def test_nearest_exact_is_a_resize(height: int, width: int) -> None:
    assert picked(exact(height, 8), exact(width, 10)) == (["Resize"], 0)


def test_nearest_is_one_too() -> None:
    rows, columns = [i * 8 // 12 for i in range(12)], [i * 10 // 15 for i in range(15)]
    assert picked(rows, columns) == (["Resize"], 0)


def test_other_tables_are_left() -> None:
    kinds, difference = picked([7, 6, 5, 4, 3, 2, 1, 0], list(range(10)))
    assert "GatherND" in kinds
    assert difference == 0
