#!/usr/bin/env bash
# onnxslim 0.1.98: a factor for each column is taken for one of each channel, if there are as many.
#
# onnxslim 0.1.98, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# A Mul by a constant after a convolution is folded into its weights, which is right for a factor of
# each channel, of shape (C, 1, 1). A constant of shape (C,) broadcasts to the last axis, the
# columns: a window function, a vignette. onnxslim folds it as if it were (C, 1, 1), where the image
# is as wide as the convolution has channels. Shapes stay as they are, and nothing is said. Add is
# left alone, and so is a factor of (W,) where W is another number.
#
# A good guess is that an optimizer that knows all shapes keeps NumPy's broadcasting, or that the
# coincidence does not occur; 16, 32 and 64 are usual numbers of columns and of channels alike.
#
# Seen (convolution of 4 channels, then Mul or Add of a constant; largest difference of the slimmed
# model from the given one in ONNX Runtime, and the operators that are left):
#   Mul (4, 1, 1), 4 columns: 0.000 Conv
#   Mul (4,),      4 columns: 0.815 Conv
#   Mul (5,),      5 columns: 0.000 Conv Mul
#   Add (4,),      4 columns: 0.000 Conv Add
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnxslim==0.1.98 onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > "$work/columns.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
import onnxslim
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)
weight = random.standard_normal((4, 3, 3, 3)).astype(np.float32) * 0.2


def model(kind, shape, columns):
    constants = {"w": weight, "c": random.random(shape, np.float32)}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["t"], pads=[1, 1, 1, 1]),
            helper.make_node(kind, ["t", "c"], ["y"]),
        ],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 6, columns))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4, 6, columns))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(result, full_check=True)
    return result


CASES = [("Mul", (4, 1, 1), 4), ("Mul", (4,), 4), ("Mul", (5,), 5), ("Add", (4,), 4)]
for kind, shape, columns in CASES:
    image = random.random((1, 3, 6, columns), np.float32)
    given = model(kind, shape, columns)
    slimmed = onnxslim.slim(onnx.load_from_string(given.SerializeToString()))
    results = [
        onnxruntime.InferenceSession(one.SerializeToString()).run(None, {"x": image})[0]
        for one in (given, slimmed)
    ]
    difference = abs(results[0] - results[1]).max()
    kinds = " ".join(node.op_type for node in slimmed.graph.node)
    print(f"{kind} {str(shape) + ',':10} {columns} columns: {difference:.3f} {kinds}")
    assert (difference > 0.1) == ((kind, shape) == ("Mul", (4,))), "other results now"
PYTHON
"$work/env/bin/python" "$work/columns.py" 2>/dev/null
