"""Shapes that a graph computes become constants, and it computes what it did in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.shapes.shape_arithmetic import evaluate_shape, fold_shape_arithmetic
from tests.graph.build import kinds, parsed, run

IMAGE = np.random.default_rng(4).normal(size=(1, 6, 8, 10)).astype(np.float32)

CONSTANTS = {
    "first": np.array([1, 3]),
    "halves": np.array([2, 2]),
    "axis": np.array([0]),
    "six": np.array([6]),
}

BODIES = {
    "a slice of the shape, divided": (
        "s = Shape <start = 2> (image) h = Div(s, halves) t = Concat <axis = 0> (first, h) "
        "out = Reshape(image, t)",
        [4, 6, 4, 5],
        {"first": np.array([4, 6])},
    ),
    "a product of all lengths": (
        "s = Shape(image) p = ReduceProd <keepdims = 0> (s, axis) u = Unsqueeze(p, axis) "
        "d = Div(u, six) t = Concat <axis = 0> (six, d) out = Reshape(image, t)",
        [6, 80],
        {},
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_computed_shape_is_a_constant_of_the_same_numbers(name: str) -> None:
    body, shape, more = BODIES[name]
    model = parsed(body, CONSTANTS | more)
    before, nodes = run(model, IMAGE), len(model.graph)
    assert fold_shape_arithmetic(model) == nodes - 1
    assert kinds(model) == ["Reshape"]
    after = run(model, IMAGE)
    assert list(after.shape) == shape
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(
    "body",
    [
        "out = Shape(image)",
        "n = NonZero(image) s = Shape(n) out = Cast <to = 1> (s)",
        "f = Cast <to = 1> (six) g = Sqrt(f) out = Mul(image, g)",
    ],
)
def test_results_of_pixels_and_numbers_of_no_shape_stay(body: str) -> None:
    model = parsed(body, {})
    before = kinds(model)
    assert fold_shape_arithmetic(model) == 0
    assert kinds(model) == before


def test_a_shape_is_computed_for_sizes_that_are_only_supposed() -> None:
    model = parsed(
        "s = Shape <start = 2> (image) h = Div(s, halves) t = Concat <axis = 0> (first, h) "
        "out = Expand(image, t)",
        CONSTANTS,
    )
    (image,), target = model.graph.inputs[:1], model.graph[2].outputs[0]
    assert evaluate_shape(target, {image: [1, 6, 64, 32]}, 21).tolist() == [1, 3, 32, 16]
    assert evaluate_shape(target, {}, 21) is None
    assert evaluate_shape(model.graph[3].outputs[0], {image: [1, 6, 64, 32]}, 21) is None
