#!/usr/bin/env bash
# OpenCV 5.0: a convolution that pads by auto_pad puts the odd row and column at the wrong end.
#
# opencv-python-headless 5.0.0.93, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux
# x86-64.
#
# auto_pad says at which end an odd padding has one row more: SAME_UPPER at the end, SAME_LOWER at
# the start. `cv2.dnn.readNetFromONNX` does not compute the padding but halves the kernel, with the
# odd row at the end: SAME_LOWER is read as SAME_UPPER where the kernel is even, and a kernel of 3
# with stride 2 on an even size, which wants one row at the end alone, gets one at the start. The
# shapes are right, the picture is moved by a pixel, nothing is said. A strided convolution with
# TensorFlow's "same" padding is such a one, in the downsampling of a U-net.
#
# A good guess is that an attribute that is read is obeyed, since stride 1 with kernels of 3 is
# right, and so is a size that is odd. The same model with its pads written out is right.
#
# Seen (a kernel that copies its first pixel, on a ramp of 8; ONNX Runtime, then OpenCV):
#   SAME_UPPER, kernel 3, stride 2: 0 2 4 6        / 0 1 3 5
#   SAME_LOWER, kernel 2, stride 1: 0 0 1 2 3 4 5 6 / 0 1 2 3 4 5 6 7
#   pads 0 1,   kernel 3, stride 2: 0 2 4 6        / 0 2 4 6
#   SAME_UPPER, kernel 3, stride 1: 0 0 1 2 3 4 5 6 / 0 0 1 2 3 4 5 6
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/pad.py" <<'PYTHON'
import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(3)
image = np.tile(np.arange(8, dtype=np.float32), (1, 1, 8, 1))
CASES = {
    "SAME_UPPER, kernel 3, stride 2": (3, 2, {"auto_pad": "SAME_UPPER"}),
    "SAME_LOWER, kernel 2, stride 1": (2, 1, {"auto_pad": "SAME_LOWER"}),
    "pads 0 1,   kernel 3, stride 2": (3, 2, {"pads": [0, 0, 1, 1]}),
    "SAME_UPPER, kernel 3, stride 1": (3, 1, {"auto_pad": "SAME_UPPER"}),
}
WRONG = list(CASES)[:2]


def model(kernel, stride, padding):
    weight = np.zeros((1, 1, kernel, kernel), np.float32)
    weight[0, 0, -1, 0] = 1  # the last row of the window, so that no row of padding is shown
    node = helper.make_node("Conv", ["x", "weight"], ["y"], strides=[stride] * 2, **padding)
    graph = helper.make_graph(
        [node],
        "pad",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, "rows", "columns"))],
        [numpy_helper.from_array(weight, "weight")],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def by_opencv(data):
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(image)
    return np.array(net.forward())


def by_onnxruntime(data):
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": image})[0]


for name, case in CASES.items():
    data = model(*case)
    rows = [run(data)[0, 0, 1] for run in (by_onnxruntime, by_opencv)]
    print(f"{name}:", " / ".join(" ".join(f"{value:.0f}" for value in row) for row in rows))
    assert np.array_equal(*rows) == (name not in WRONG), "auto_pad is read otherwise now"
PYTHON
"$work/env/bin/python" "$work/pad.py"
