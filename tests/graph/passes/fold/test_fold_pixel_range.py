"""Networks of [-1, 1] wrapped for [0, 1]: the affines at their ends vanish, the image stays."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edge_imgq.contract import PixelRange
from edge_imgq.graph.pixel_range import to_unit_range
from edge_imgq.graph.rewrite import rewrite
from tests.graph import build

SMALL = """
small (float[1,3,12,10] image) => (float[1,3,12,10] out)
<float[3,3,3,3] w = {WEIGHTS}, float[3] b = {1.0, 2.0, -1.0}, float l = {-1.0}, float h = {1.0},
 float z = {0.25}, int64[8] pads = {0,0,1,1,0,0,1,1}>
{
"""


def signed(body: str) -> ir.Model:
    """Return a network of [-1, 1] that takes and returns [0, 1]."""
    weights = build.weights(np.random.default_rng(11), 3, 3, 3, 3).reshape(-1)
    text = SMALL.replace("WEIGHTS", ", ".join(f"{weight:.6f}" for weight in weights))
    proto = onnx.parser.parse_graph(text + body + "}")
    model = onnx.helper.make_model(proto, opset_imports=[onnx.helper.make_opsetid("", 21)])
    model.ir_version = 10
    shaped = ir.from_proto(onnx.shape_inference.infer_shapes(model))
    to_unit_range(shaped, PixelRange(-1.0, 1.0))
    return shaped


def both(body: str) -> tuple[list[str], float]:
    """Return the operators after the passes, and the largest change that they made."""
    model = signed(body)
    image = np.random.default_rng(4).random((1, 3, 12, 10), np.float32)
    after = rewrite(model, ["canonical"])
    difference = build.run(after, image) - build.run(model, image)
    return build.kinds(after), float(np.abs(difference).max())


CONV = "Conv<pads=[1,1,1,1]>(image, w, b)"
REFLECTED = 'r = Pad<mode="reflect">(image, pads)'
VALID = "Conv<pads=[0,0,0,0]>(r, w, b)"


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        (f"c = {CONV} out = Add(image, c)", ["Pad", "Conv", "Add"]),
        (f"c = {CONV} out = Sub(image, c)", ["Pad", "Conv", "Sub"]),
        (f"c = {CONV} s = Add(c, image) out = Clip(s, l, h)", ["Pad", "Conv", "Add", "Clip"]),
        (f"{REFLECTED} c = {VALID} out = Tanh(c)", ["Pad", "Conv", "Sigmoid"]),
        (f"c = {CONV} t = Tanh(c) out = Add(image, t)", ["Pad", "Conv", "Tanh", "Mul", "Add"]),
    ],
)  # fmt: skip
def test_the_ends_fold_into_the_body(body: str, kinds: list[str]) -> None:
    found, change = both(body)
    assert found == kinds
    assert change < 3e-6


@pytest.mark.parametrize(
    "body",
    [
        f"c = {CONV} out = Sub(c, image)",
        f"c = {CONV} v = Mul(image, z) out = Add(v, c)",
        f"c = {CONV} d = Conv<pads=[1,1,1,1]>(c, w, b) t = Tanh(d) out = Mul(t, c)",
    ],
)
def test_what_only_looks_like_it_keeps_its_values(body: str) -> None:
    found, change = both(body)
    assert change < 3e-6
    assert {"Mul", "Add"} & set(found)
