"""Models of one size that are opened to any, against ONNX Runtime on the same network, open."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.errors import ModelError
from edge_imgq.graph.load.dynamic_shape import with_dynamic_size
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.shapes.size import bind_size, own_size
from tests.graph.build import proto_model, run, weights

SIZE = (12, 16)
GENERATOR = np.random.default_rng(6)
CONSTANTS = {
    "w": weights(GENERATOR, 12, 3, 3, 3),
    "v": weights(GENERATOR, 3, 12, 1, 1),
    "scales": np.array([1, 1, 2, 2], np.float32),
    "gain": weights(GENERATOR, 1, 12, 1, 1),
    "row": weights(GENERATOR, 12),
    "matrix": weights(GENERATOR, 12, 12),
    "channels": np.array([1]),
    "sides": np.array([2, 3]),
}


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs, [output], **attributes)


CONV = node("Conv", ["image", "w"], "a", pads=[1, 1, 1, 1], kernel_shape=[3, 3])
BACK = node("Conv", ["b", "v"], "out", kernel_shape=[1, 1])
BODIES = {
    "activation": [CONV, node("LeakyRelu", ["a"], "b", alpha=0.2), BACK],
    "sine": [CONV, node("Sin", ["a"], "b"), BACK],
    "celu": [CONV, node("Celu", ["a"], "b"), BACK],
    "slopes": [CONV, node("PRelu", ["a", "gain"], "b"), BACK],
    "sum of channels": [
        CONV, node("ReduceSum", ["a", "channels"], "g"), node("Mul", ["a", "g"], "b"), BACK
    ],
    "vectors": [
        CONV, node("GlobalAveragePool", ["a"], "g"), node("Squeeze", ["g", "sides"], "s"),
        node("Sigmoid", ["s"], "m"), node("Unsqueeze", ["m", "sides"], "u"),
        node("Mul", ["a", "u"], "b"), BACK,
    ],
    "gain": [CONV, node("Mul", ["a", "gain"], "b"), BACK],
    "global pooling": [
        CONV, node("GlobalAveragePool", ["a"], "g"), node("Mul", ["a", "g"], "b"), BACK
    ],
    "small window": [CONV, node("MaxPool", ["a"], "b", kernel_shape=[2, 2], strides=[2, 2]), BACK],
    "scaled": [CONV, node("Resize", ["a", "", "scales"], "b", mode="nearest"), BACK],
    "maximum": [
        CONV, node("ReduceMax", ["a", "channels"], "g"), node("Mul", ["a", "g"], "b"), BACK
    ],
    "channels last": [
        CONV, node("Transpose", ["a"], "l", perm=[0, 2, 3, 1]),
        node("LayerNormalization", ["l", "row", "row"], "n"), node("MatMul", ["n", "matrix"], "m"),
        node("Mul", ["m", "row"], "s"), node("Transpose", ["s"], "b", perm=[0, 3, 1, 2]), BACK,
    ],
    "shuffle": [CONV, node("DepthToSpace", ["a"], "out", blocksize=2)],
}  # fmt: skip
TIED = {
    "Resize": ([CONV, node("Resize", ["a", "", "", "sizes"], "b"), BACK],
               {"sizes": np.array([1, 12, 24, 32], np.int64)}),
    "Slice": ([CONV, node("Slice", ["a", "from", "to", "axes"], "b"), BACK],
              {"from": np.array([2]), "to": np.array([10]), "axes": np.array([2])}),
    "AveragePool": ([CONV, node("AveragePool", ["a"], "b", kernel_shape=[12, 16]), BACK], {}),
    "Add": ([CONV, node("Add", ["a", "map"], "b"), BACK],
            {"map": weights(GENERATOR, 1, 1, 12, 16)}),
    "PRelu": ([CONV, node("PRelu", ["a", "map"], "b"), BACK],
              {"map": weights(GENERATOR, 12, 12, 16)}),
    "LayerNormalization": ([CONV, node("LayerNormalization", ["a", "width"], "b"), BACK],
                           {"width": weights(GENERATOR, 16)}),
    "Reshape": ([CONV, node("Reshape", ["a", "shape"], "b"), BACK],
                {"shape": np.array([1, 12, 6, 32])}),
}  # fmt: skip


def model(body, constants, size):
    used = {name for entry in body for name in entry.input}
    chosen = {name: value for name, value in constants.items() if name in used}
    return normalise(proto_model(body, chosen, size=size), "small")


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_convolutional_body_computes_the_same_at_another_size(body) -> None:
    fixed = model(body, CONSTANTS, SIZE)
    opened = with_dynamic_size(fixed, "small")
    assert own_size(opened) is None
    assert own_size(fixed) == SIZE
    image = np.random.default_rng(1).normal(size=(1, 3, 18, 10)).astype(np.float32)
    wanted = run(model(body, CONSTANTS, ("height", "width")), image)
    np.testing.assert_allclose(run(opened, image), wanted, atol=1e-6)
    np.testing.assert_allclose(run(bind_size(fixed, (18, 10)), image), wanted, atol=1e-6)


@pytest.mark.parametrize("kind", TIED)
def test_a_node_that_holds_the_size_is_named(kind) -> None:
    body, constants = TIED[kind]
    fixed = model(body, CONSTANTS | constants, SIZE)
    with pytest.raises(ModelError, match=rf"12x16 .* {kind} '.*' holds that size. Export it"):
        with_dynamic_size(fixed, "small")
