#!/usr/bin/env bash
# OpenVINO 2026.4.1 pads an 8-bit average pool with code 0, which is not the number 0.
#
# openvino 2026.4.1, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# A QDQ file with AveragePool 3x3, pads of 1 and count_include_pad = 1, torch's default for
# AvgPool2d(3, padding=1). Padding is 0, and 0 is the code of the zero point, here 128. OpenVINO's
# CPU runs the pool in 8 bits and counts code 0 in its place, -128 steps: a border of one row around
# the picture is much too dark, most in the corners. The middle is right, and so is the pool without
# count_include_pad, one whose zero point is 0, the pool in float, and the file in ONNX Runtime.
#
# A good guess is that padding is the zero point, as in OpenVINO's own 8-bit convolutions.
#
# Seen (a picture of ones, in steps of 0.01; ratio of a corner, an edge and the middle to 1):
#                                 corner  edge  middle
#   ONNX Runtime                    0.44  0.67  1.00
#   OpenVINO, zero point 128       -0.27  0.24  1.00
#   OpenVINO, zero point 0          0.44  0.67  1.00
#   OpenVINO, padding not counted   1.00  1.00  1.00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    openvino==2026.4.1 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/pool.py" <<'PYTHON'
import io

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel as Level

onnxruntime.set_default_logger_severity(3)
image = np.ones((1, 4, 8, 8), np.float32)


def model(zero_point, count):
    pair = ["scale", "zero"]
    window = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": count}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *pair], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", *pair], ["xd"]),
        helper.make_node("AveragePool", ["xd"], ["p"], **window),
        helper.make_node("QuantizeLinear", ["p", *pair], ["pq"]),
        helper.make_node("DequantizeLinear", ["pq", *pair], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, image.shape)],
        [
            numpy_helper.from_array(np.float32(0.01), "scale"),
            numpy_helper.from_array(np.uint8(zero_point), "zero"),
        ],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def by_onnxruntime(data):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = Level.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": image})[0]


def by_openvino(data):
    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    compiled = core.compile_model(core.read_model(io.BytesIO(data)), "CPU")
    return compiled({"x": image})[compiled.outputs[0]]


def shown(name, result):
    corner, edge, middle = result[0, 0, 0, 0], result[0, 0, 0, 4], result[0, 0, 4, 4]
    print(f"{name:31}{corner:5.2f} {edge:5.2f} {middle:5.2f}")
    return corner


right = shown("ONNX Runtime", by_onnxruntime(model(128, 1)))
dark = shown("OpenVINO, zero point 128", by_openvino(model(128, 1)))
zero = shown("OpenVINO, zero point 0", by_openvino(model(0, 1)))
uncounted = shown("OpenVINO, padding not counted", by_openvino(model(128, 0)))
assert abs(right - 4 / 9) < 0.01 and abs(zero - 4 / 9) < 0.01 and abs(uncounted - 1) < 0.01
assert dark < right - 0.3, "the padding is the zero point now"
PYTHON
"$work/env/bin/python" "$work/pool.py"
