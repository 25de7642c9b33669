"""Which graphs have no meaning until their size is known."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.graph.shapes.size import bind_size, is_shaped_by_size
from tests.graph.build import parsed


def test_a_count_of_pixels_that_is_computed_with_asks_for_a_size() -> None:
    body = "s = Shape(image) f = Cast<to=1>(s) m = ReduceMax(f) out = Div(image, m)"
    assert is_shaped_by_size(parsed(body, {}, "h,w"))
    assert not is_shaped_by_size(parsed("f = Cast<to=1>(image) out = Relu(f)", {}, "h,w"))


def test_shapes_that_contradict_each_other_are_told_with_their_node() -> None:
    mask = {"mask": np.ones((1, 3, 5, 7), np.float32)}
    tied = parsed("out = Add(image, mask)", mask, "h,w")
    next(iter(tied.graph)).name = "join"
    with pytest.raises(ModelError, match=r"fit 6x8 images: at Add 'join', [^\[(]*\. Give another"):
        bind_size(tied, (6, 8))
