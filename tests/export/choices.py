"""Networks of comparisons, truth values and choices, for the tests of every format.

Their numbers are such as float16 holds exactly, so that all formats compare alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

SEED = 11
SHAPE = (1, 6, 12, 10)
CONSTANTS: dict[str, Any] = {
    "t": np.float32(0.25),
    "u": np.float32(-0.5),
    "zero": np.float32(0),
    "row": (np.arange(6, dtype=np.float32) / 4 - 0.75).reshape(6, 1, 1),
    "mask": (np.arange(12) % 3 == 0).reshape(1, 1, 12, 1),
    "e": np.float32(2.5),
    "k": np.float32(1.25),
    "first": np.array([0], np.int64),
    "axes": np.array([1], np.int64),
}
LATER = "a = Mul(x, k) "
BODIES = {
    "Less": LATER + "c = Less(x, t) y = Where(c, x, a)",
    "LessOrEqual": LATER + "c = LessOrEqual(x, t) y = Where(c, a, x)",
    "Greater": LATER + "c = Greater(x, row) y = Where(c, x, a)",
    "GreaterOrEqual": LATER + "c = GreaterOrEqual(t, x) y = Where(c, x, zero)",
    "Equal": LATER + "c = Equal(x, t) y = Where(c, zero, a)",
    "And": LATER + "b = Less(x, t) d = Greater(x, u) c = And(b, d) y = Where(c, x, a)",
    "Or": LATER + "b = Greater(x, t) d = Less(x, u) c = Or(b, d) y = Where(c, x, a)",
    "Xor": LATER + "b = Greater(x, u) d = Greater(x, t) c = Xor(b, d) y = Where(c, x, a)",
    "Not": LATER + "b = Greater(x, u) c = Not(b) y = Where(c, x, a)",
    "Where": LATER + "y = Where(mask, x, a)",
    "Where, one side broadcast": "c = Less(x, t) y = Where(c, row, x)",
    "Where, the condition broadcast": (
        LATER + "m = Slice(x, first, axes, axes) c = Greater(m, t) y = Where(c, x, a)"
    ),
    "Where, one side no number": (
        "p = Pow(x, e) c = Greater(x, zero) q = Mul(p, k) y = Where(c, q, x)"
    ),
    "Cast to a number": LATER + "c = Greater(x, t) m = Cast<to=1>(c) y = Mul(m, a)",
    "Cast to a truth value": (
        LATER + "r = Relu(x) c = Cast<to=9>(r) n = Not(c) m = Cast<to=1>(n) y = Add(m, a)"
    ),
}


def model(body: str) -> onnx.ModelProto:
    """Return a network from x to y."""
    text = (
        '<ir_version: 10, opset_import: ["" : 21]>\n'
        f"choice (float[{','.join(map(str, SHAPE))}] x) => (float y) {{ {body} }}"
    )
    result = onnx.parser.parse_model(text)
    result.graph.output[0].type.tensor_type.ClearField("shape")
    for index, node in enumerate(result.graph.node):
        node.name = f"node_{index}_{node.op_type}"
    read = {name for node in result.graph.node for name in node.input}
    for name in sorted(read & CONSTANTS.keys()):
        tensor = onnx.numpy_helper.from_array(np.asarray(CONSTANTS[name]), name)
        result.graph.initializer.append(tensor)
    return onnx.shape_inference.infer_shapes(result, strict_mode=True, data_prop=True)


def image() -> Any:
    """Return an input of sixteenths, some of them on the thresholds."""
    values = np.random.default_rng(SEED).integers(-30, 31, SHAPE) / 16
    return values.astype(np.float32)
