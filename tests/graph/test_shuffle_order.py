"""CRD pixel shuffle turned into DCR, against ONNX Runtime on the original."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.graph.rewrite import rewrite

from .build import kinds, model, run, weights


def shuffled(*between: str, block: int = 2):
    """A convolution, operators between, and a CRD shuffle."""
    generator = np.random.default_rng(3)
    channels = 3 * block * block
    nodes = [
        helper.make_node("Conv", ["image", "w", "b"], ["v0"], kernel_shape=[3, 3], pads=[1] * 4)
    ]
    constants = {
        "w": weights(generator, channels, 3, 3, 3),
        "b": weights(generator, channels),
        "slope": generator.uniform(-1, 1, (channels, 1, 1)).astype(np.float32),
    }
    for index, kind in enumerate(between):
        inputs = [f"v{index}", "slope"] if kind == "PRelu" else [f"v{index}"]
        nodes.append(helper.make_node(kind, inputs, [f"v{index + 1}"]))
    last = f"v{len(between)}"
    nodes.append(helper.make_node("DepthToSpace", [last], ["out"], blocksize=block, mode="CRD"))
    return model(nodes, constants)


@pytest.mark.parametrize("between", [(), ("Relu",), ("PRelu",), ("LeakyRelu", "Tanh")])
@pytest.mark.parametrize("block", [2, 3])
def test_the_convolution_takes_the_permutation(between, block) -> None:
    original = shuffled(*between, block=block)
    rewritten = rewrite(original, ["shuffle-order"])
    image = np.random.default_rng(1).normal(size=(1, 3, 6, 5)).astype(np.float32)
    assert kinds(rewritten) == kinds(original)
    assert rewritten.graph[-1].attributes.get_string("mode") == "DCR"
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-6)


def test_without_a_convolution_a_permuting_one_is_put_before_it() -> None:
    node = helper.make_node("DepthToSpace", ["image"], ["out"], blocksize=2, mode="CRD")
    original = model([node], {}, channels=12)
    rewritten = rewrite(original, ["shuffle-order"])
    image = np.random.default_rng(1).normal(size=(1, 12, 4, 4)).astype(np.float32)
    assert kinds(rewritten) == ["Conv", "DepthToSpace"]
    assert np.array_equal(run(rewritten, image), run(original, image))


def test_a_convolution_that_others_read_too_keeps_its_channels() -> None:
    generator = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["features"], kernel_shape=[1, 1]),
        helper.make_node("DepthToSpace", ["features"], ["large"], blocksize=2, mode="CRD"),
        helper.make_node("DepthToSpace", ["features"], ["other"], blocksize=2, mode="DCR"),
        helper.make_node("Add", ["large", "other"], ["out"]),
    ]
    original = model(nodes, {"w": weights(generator, 12, 3, 1, 1)})
    rewritten = rewrite(original, ["shuffle-order"])
    image = generator.normal(size=(1, 3, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-6)
