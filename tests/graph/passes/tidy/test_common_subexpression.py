"""Equal nodes are computed once, equal constants are stored once."""

from __future__ import annotations

import pytest

from edge_imgq.graph.passes.tidy.common_subexpression import common_subexpression
from tests.graph.build import parsed
from tests.graph.passes.tidy.small_graphs import CONSTANTS, TWICE, check


@pytest.mark.parametrize("name", TWICE)
def test_what_is_computed_twice_is_computed_once(name: str) -> None:
    check(*TWICE[name], common_subexpression)


def test_equal_weights_are_stored_once() -> None:
    body = "x = Conv(image, w) y = Relu(x) out = Conv(y, w2)"
    graph = parsed(body, {"w": CONSTANTS["w"], "w2": CONSTANTS["w2"]})
    common_subexpression(graph)
    assert len(graph.graph.initializers) == 1
