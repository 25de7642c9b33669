"""A float layer of the image has one sum, in whatever order a runtime adds it up."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.rewrite import rewrite
from edge_imgq.quantize.qdq.exact_first_layer import exact_first_layers
from edge_imgq.quantize.ranges.ranges import per_tensor
from tests.graph.build import parsed, run, weights

GENERATOR = np.random.default_rng(29)
PIXEL = float(np.float32(1 / 255))
CONSTANTS: dict[str, Any] = {
    "w": weights(GENERATOR, 16, 3, 5, 5),
    "b": GENERATOR.normal(0, 0.3, 16).astype(np.float32),
    "k": weights(GENERATOR, 16, 16, 1, 1),
    "z": weights(GENERATOR, 3, 16, 1, 1),
    "c": np.array([1], np.int64),
    "floor": np.float32(1e-12),
}
TRUNK = "x = Conv<pads=[2,2,2,2]>(image, w, b) "
NORM = "q = ReduceL2<keepdims=1>(x, c) l = Clip(q, floor) n = Div(x, l) y = Conv(n, k) "
END = "t = Add(x, y) out = Conv(t, z)"


def levels() -> Any:
    return GENERATOR.integers(0, 256, (1, 3, 12, 16))


def image(whole: Any) -> Any:
    return (whole.astype(np.float32) * np.float32(PIXEL)).astype(np.float32)


def exact(body: str) -> ir.Model:
    """Return a graph as it is quantized, with the first layer as its output."""
    used = {k: v for k, v in CONSTANTS.items() if f", {k}" in body}
    model = rewrite(parsed(body, used, size="12,16", channels=3), ["canonical"])
    exact_first_layers(model.graph, {model.graph.inputs[0]: per_tensor(PIXEL, -128)})
    made = next(v for node in model.graph for v in node.outputs if v.name == "x")
    made.dtype, made.shape = ir.DataType.FLOAT, ir.Shape([1, 16, 12, 16])
    model.graph.outputs[:] = [made]
    return model


def mirrored(model: ir.Model) -> ir.Model:
    """Return the model with the layer's sums in the opposite order."""
    turned = model.clone()
    for node in turned.graph:
        if node.op_type == "Conv" and node.outputs[0].name == "x":
            weight = node.inputs[1]
            assert weight is not None
            assert weight.const_value is not None
            weight.const_value = ir.tensor(
                np.ascontiguousarray(weight.const_value.numpy()[:, ::-1, ::-1, ::-1])
            )
    return turned


def test_onnx_runtime_adds_up_to_the_same_bits_in_any_order() -> None:
    model, whole = exact(TRUNK + NORM + END), levels()
    wanted = run(model, image(whole), exact=True)
    turned = run(mirrored(model), image(whole[:, ::-1, ::-1, ::-1]), exact=True)
    np.testing.assert_array_equal(turned[:, :, ::-1, ::-1], wanted)


def test_the_layer_is_what_it_was_to_a_small_part_of_a_level() -> None:
    whole = levels()
    used = {key: CONSTANTS[key] for key in ("w", "b")}
    layer = parsed(TRUNK.replace("x =", "out ="), used, size="12,16", channels=3)
    wanted = run(layer, image(whole))
    got = run(exact(TRUNK + NORM + END), image(whole), exact=True)
    assert 0 < np.abs(got - wanted).max() < 0.1 * (wanted.max() - wanted.min()) / 255
    assert np.abs(got - wanted).mean() < 0.01 * (wanted.max() - wanted.min()) / 255


def test_a_layer_that_no_norm_reads_keeps_its_weights() -> None:
    model = exact(TRUNK + "h = Relu(x) t = Conv(h, k) out = Conv(t, z)")
    assert "Round" not in [node.op_type for node in model.graph]
