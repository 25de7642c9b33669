#!/usr/bin/env bash
# OpenCV 5.0: in a QDQ model, subtraction, division, maximum and minimum are all computed as sums.
#
# opencv-python-headless 5.0.0.93, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux
# x86-64.
#
# `cv2.dnn.readNetFromONNX` fuses DequantizeLinear, an operator of two inputs and QuantizeLinear to
# an 8-bit layer. Add and Mul are right. For Sub, Div, Max and Min the layer is that of Add, to the
# bit, whether both inputs are computed or one is a constant. Nothing is raised or logged. In a
# residual denoiser, image - noise, the noise is doubled. The same operators in float are right, and
# so is the QDQ file in ONNX Runtime.
#
# A good guess is that what the 8-bit layer lacks stays in float between its pairs, or is refused,
# as most operators that OpenCV does not know are. Subtraction can be written as Add of a negated
# convolution, whose weights take the sign.
#
# Seen (uint8 pairs, values -1 to 1 and 0.3 to 1.3; largest difference from ONNX Runtime, whose
# output steps are 0.02, and from the same file with Add):
#   Add  0.02  0.00
#   Mul  0.00  1.60
#   Sub  2.60  0.00
#   Div  1.52  0.00
#   Max  1.00  0.00
#   Min  1.32  0.00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/arithmetic.py" <<'PYTHON'
import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel as Level

onnxruntime.set_default_logger_severity(3)
rng = np.random.default_rng(0)
image = (2 * rng.random((1, 4, 8, 9)) - 1).astype(np.float32)
SCALES = {"x": 0.01, "a": 0.013, "y": 0.02}


def pair(name, quantized):
    """Return QuantizeLinear and DequantizeLinear of the tensor `name`."""
    inputs = [f"{quantized}_scale", "zero"]
    return [
        helper.make_node("QuantizeLinear", [name, *inputs], [f"{quantized}_q"]),
        helper.make_node("DequantizeLinear", [f"{quantized}_q", *inputs], [f"{quantized}_d"]),
    ]


def model(kind):
    nodes = [
        *pair("x", "x"),
        helper.make_node("Abs", ["x"], ["abs"]),
        helper.make_node("Add", ["abs", "offset"], ["above"]),
        *pair("above", "a"),
        helper.make_node(kind, ["x_d", "a_d"], ["result"]),
        *pair("result", "y"),
    ]
    constants = [numpy_helper.from_array(np.float32(s), f"{n}_scale") for n, s in SCALES.items()]
    constants += [
        numpy_helper.from_array(np.uint8(128), "zero"),
        numpy_helper.from_array(np.float32(0.3), "offset"),
    ]
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y_d", TensorProto.FLOAT, image.shape)],
        constants,
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def by_opencv(data):
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(image)
    return np.array(net.forward())


def by_onnxruntime(data):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = Level.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": image})[0]


total = by_opencv(model("Add"))
for kind in ("Add", "Mul", "Sub", "Div", "Max", "Min"):
    result = by_opencv(model(kind))
    off = np.abs(result - by_onnxruntime(model(kind))).max()
    like_add = np.abs(result - total).max()
    print(f"{kind}  {off:.2f}  {like_add:.2f}")
    assert (off < 0.03) == (kind in ("Add", "Mul")), "another set of operators is right now"
    assert (like_add == 0) == (kind != "Mul"), "not computed as sums any more"
PYTHON
"$work/env/bin/python" "$work/arithmetic.py"
