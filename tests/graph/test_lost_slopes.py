"""A LeakyReLU whose slope an exporter lost is named."""

from __future__ import annotations

import pytest

from edge_imgq.graph.lost_slopes import lost_slopes
from tests.graph.build import parsed


def test_slopes_that_nobody_trains_are_named() -> None:
    model = parsed(
        "a = LeakyRelu <alpha = 9.7e-9> (image) b = LeakyRelu <alpha = 4.9e27> (a) "
        "out = LeakyRelu <alpha = 0.2> (b)",
        {},
    )
    (sentence,) = lost_slopes(model)
    assert sentence.startswith(f"LeakyRelu '{model.graph[0].name}' and 1 more of the model has a ")
    assert "a slope of 1e-08, which nobody trains" in sentence


@pytest.mark.parametrize("node", ["LeakyRelu", "LeakyRelu <alpha = 0.0>", "Relu"])
def test_other_activations_are_as_their_authors_meant(node: str) -> None:
    assert lost_slopes(parsed(f"out = {node} (image)", {})) == ()
