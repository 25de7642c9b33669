#!/usr/bin/env bash
# ONNX Runtime 1.31.1: an 8-bit AveragePool with ceil_mode divides the last row and column by more
# pixels than the float one does.
#
# onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# With ceil_mode a window may hang over the right and lower end. What lies there is no padding: the
# text of the operator counts pixels and padding (count_include_pad = 1), and nothing beyond.
# ONNX's evaluator and ONNX Runtime's float kernel agree on that (the latter was mended lately:
# onnxruntime#29629). In a QDQ file, a default session makes a QLinearAveragePool of it, which
# divides by the whole window: half a 2x2 window at the end of an odd width comes out half as large,
# a quarter at the corner. No padding is needed for it, and count_include_pad is what torch exports
# by default: AvgPool2d(2, ceil_mode=True).
#
# A good guess is that a session computes a QDQ file to within a level, as it does for all other
# windows, or that count_include_pad means nothing where pads are 0. Sizes that divide show nothing.
#
# Seen (a picture of ones, 2x2 windows; the last row of the result):
#                          8x8              9x9
#   ONNX's evaluator       1.00 1.00 1.00   1.00 1.00 1.00
#   QDQ, not optimized     1.00 1.00 1.00   1.00 1.00 1.00
#   QDQ, default           1.00 1.00 1.00   0.50 0.50 0.25
#   QDQ, default, count 0  1.00 1.00 1.00   1.00 1.00 1.00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/pool.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnxruntime import GraphOptimizationLevel as Level

onnxruntime.set_default_logger_severity(3)
SCALE, ZERO = np.float32(1 / 255), np.uint8(0)


def qdq_pool(count_include_pad):
    pair = ["scale", "zero"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *pair], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", *pair], ["xd"]),
        helper.make_node(
            "AveragePool", ["xd"], ["p"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1,
            count_include_pad=count_include_pad,
        ),
        helper.make_node("QuantizeLinear", ["p", *pair], ["pq"]),
        helper.make_node("DequantizeLinear", ["pq", *pair], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, "height", "width"))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, "rows", "columns"))],
        [numpy_helper.from_array(SCALE, "scale"), numpy_helper.from_array(ZERO, "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def run(model, level, image):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": image})[0]


for size in (8, 9):
    image = np.ones((1, 1, size, size), np.float32)
    results = {
        "ONNX's evaluator": ReferenceEvaluator(qdq_pool(1)).run(None, {"x": image})[0],
        "QDQ, not optimized": run(qdq_pool(1), Level.ORT_DISABLE_ALL, image),
        "QDQ, default": run(qdq_pool(1), Level.ORT_ENABLE_ALL, image),
        "QDQ, default, count 0": run(qdq_pool(0), Level.ORT_ENABLE_ALL, image),
    }
    for name, result in results.items():
        print(f"{size}x{size}  {name:21}", *(f"{value:.2f}" for value in result[0, 0, -1, -3:]))
        right = np.abs(result - 1).max() < 0.01
        assert right == (size == 8 or name != "QDQ, default"), "QLinearAveragePool counts otherwise"
PYTHON
"$work/env/bin/python" "$work/pool.py"
