"""Which graphs have no meaning until their size is known."""

from __future__ import annotations

from edge_imgq.graph.shapes.size import is_shaped_by_size
from tests.graph.build import parsed


def test_a_count_of_pixels_that_is_computed_with_asks_for_a_size() -> None:
    body = "s = Shape(image) f = Cast<to=1>(s) m = ReduceMax(f) out = Div(image, m)"
    assert is_shaped_by_size(parsed(body, {}, "h,w"))
    assert not is_shaped_by_size(parsed("f = Cast<to=1>(image) out = Relu(f)", {}, "h,w"))
