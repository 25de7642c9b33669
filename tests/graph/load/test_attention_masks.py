"""Masks of minus infinity: the same numbers in ONNX Runtime, and no infinity left."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.graph.load.attention_masks import with_finite_masks
from edge_imgq.graph.load.load import normalise
from tests.graph.build import run

HEAD = '<ir_version: 8, opset_import: ["" : 17]>\nm (float[1,3,4,6] image) => (float[1,3,4,6] y) '
INFINITE = np.float32("-inf")
COLUMNS = np.where(np.arange(6) < 4, 0, INFINITE).astype(np.float32)
IMAGE = np.random.default_rng(4).normal(0, 3, (1, 3, 4, 6)).astype(np.float32)

MASKS = {
    "added": ("{ s = Add(image, mask) y = Softmax(s) }", COLUMNS),
    "chosen": (
        "<float z = {-3}> { c = Greater(image, z) s = Where(c, image, mask) y = Softmax(s) }",
        np.asarray(INFINITE),
    ),
    "flattened": (
        "{ r = Flatten<axis = 0>(mask) s = Add(image, r) y = Softmax(s) }",
        COLUMNS,
    ),
    "moved": (
        "<int64[4] n = {1,1,1,6}> "
        "{ r = Reshape(mask, n) s = Add(r, image) t = Identity(s) y = Softmax(t) }",
        COLUMNS,
    ),
}


def model(body: str, mask: np.ndarray) -> onnx.ModelProto:
    proto = onnx.parser.parse_model(HEAD + body)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(mask, "mask"))
    return proto


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_becomes_finite_and_masks_the_same(name: str) -> None:
    proto = model(*MASKS[name])
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    wanted = session.run(None, {"image": IMAGE})[0]
    assert (wanted == 0).any()
    read = normalise(proto, "mine.onnx")
    np.testing.assert_allclose(run(read, IMAGE), wanted, atol=1e-7)
    assert all(np.isfinite(v.const_value.numpy()).all() for v in read.graph.initializers.values())


def test_a_constant_node_is_one_too() -> None:
    body = "{ mask = Constant<value_float = 0.0>() s = Add(image, mask) y = Softmax(s) }"
    proto = onnx.parser.parse_model(HEAD + body)
    proto.graph.node[0].attribute[0].f = -np.inf
    (attribute,) = with_finite_masks(proto).graph.node[0].attribute
    assert onnx.numpy_helper.to_array(attribute.t) == -30000


@pytest.mark.parametrize(
    ("body", "mask"),
    [
        ("{ y = Add(image, mask) }", COLUMNS),
        ("{ s = Add(image, mask) t = Softmax(s) y = Max(t, s) }", COLUMNS),
        ("{ s = Add(image, mask) y = Softmax(s) }", -COLUMNS),
        ("{ s = Add(image, mask) y = Softmax(s) }", np.float32("nan") * COLUMNS),
    ],
)
def test_infinity_that_masks_nothing_is_refused(body: str, mask: np.ndarray) -> None:
    with pytest.raises(ModelError, match="NaN or infinity in the weight 'mask'"):
        normalise(model(body, mask), "mine.onnx")
