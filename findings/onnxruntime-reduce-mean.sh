#!/bin/bash
# ONNX Runtime 1.31.1: the float32 mean of a large plane is off in the fourth digit.
#
# ReduceMean over height and width of 512x512 equal values is 0.04 % off on the CPU, as if thousands
# of float32 values were added one after the other: what falls off the end of a large sum falls to
# the same side each time. GlobalAveragePool is off likewise. The same mean in two steps, of rows
# and then of their means, is right to six digits.
#
# A good guess is that a mean of equal values is that value, or that the sum goes by pairs, as
# NumPy's does, whose error hardly grows with the number of values.
#
# It matters where the mean is quantized afterwards: here it is a tenth of a level of int8 off, and
# kernels that sum integers return another level than the float graph that they are compared with.
#
# Seen (values 255 levels of 6 / 255; largest difference from the exact mean, in levels):
#   ReduceMean         96x96 0.00290  256x256 0.00792  512x512 0.10210
#   by rows            96x96 0.00000  256x256 0.00012  512x512 0.00028
#   GlobalAveragePool  96x96 0.00581  256x256 0.04705  512x512 0.12962
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
"$work/env/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(3)
LEVEL = np.float32(6.0037 / 255)


def node(kind, source, result, axes=None):
    if axes is None:
        return helper.make_node(kind, [source], [result])
    return helper.make_node(kind, [source, axes], [result], keepdims=1)


FORMS = {
    "ReduceMean": [node("ReduceMean", "x", "y", "both")],
    "by rows": [node("ReduceMean", "x", "r", "last"), node("ReduceMean", "r", "y", "both")],
    "GlobalAveragePool": [node("GlobalAveragePool", "x", "y")],
}
AXES = [
    numpy_helper.from_array(np.array(axes, np.int64), name)
    for name, axes in (("both", [2, 3]), ("last", [3]))
]


def off(form, side):
    """Return how far the mean of equal values is from that value, in levels."""
    values = np.full((1, 4, side, side), 255 * LEVEL, np.float32)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", values.shape), ("y", (1, 4, 1, 1)))
    ]
    graph = helper.make_graph(FORMS[form], "mean", ends[:1], ends[1:], AXES)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    (mean,) = session.run(None, {"x": values})
    return float(np.abs(mean.astype(float) - float(values[0, 0, 0, 0])).max() / LEVEL)


found = {form: {side: off(form, side) for side in (96, 256, 512)} for form in FORMS}
for form, sides in found.items():
    print(f"{form:18}", "  ".join(f"{side}x{side} {value:.5f}" for side, value in sides.items()))
assert found["ReduceMean"][512] > 0.02, "the mean of a large plane is right now"
assert found["by rows"][512] < 0.001
PYTHON
