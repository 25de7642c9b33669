#!/usr/bin/env bash
# OpenVINO 2026.4.1 and OpenCV 5.0 read the Softmax of an old ONNX file as that of a new one.
#
# openvino 2026.4.1, opencv-python-headless 5.0.0.93, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6;
# Python 3.11, Linux x86-64.
#
# Until opset 12, Softmax(axis=1) flattens a tensor from axis 1 on, and its results add up to 1 over
# channels, height and width together. From opset 13 on they do over the channels of each pixel. A
# file says which by its opset. Both importers compute the new one of either: of an image of 4
# channels and 9x12 pixels, all values are 108 times too large. Nothing is said. With the last axis,
# which is what torch wrote into such files after a Transpose, both meanings are one. OpenVINO gets
# LogSoftmax right, OpenCV does not.
#
# A good guess is that what ONNX changed with a new version of an operator is read by that version,
# as ONNX Runtime and ONNX's own converter do, and as OpenVINO does for the other one of the pair.
#
# Seen (mean of the sum over channels; ONNX Runtime, OpenVINO, OpenCV):
#   Softmax,    opset 11, axis 1   0.009   1.000   1.000
#   Softmax,    opset 11, axis 3   0.333   0.333   0.333
#   Softmax,    opset 13, axis 1   1.000   1.000   1.000
#   LogSoftmax, opset 11, axis 1 -24.444 -24.444  -5.687
#   LogSoftmax, opset 13, axis 1  -5.687  -5.687  -5.687
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    openvino==2026.4.1 opencv-python-headless==5.0.0.93 onnxruntime==1.31.1 onnx==1.23.2 \
    numpy==2.4.6
cat > "$work/softmax.py" <<'PYTHON'
import io

import cv2
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper

image = np.random.default_rng(0).random((1, 4, 9, 12), np.float32)


def model(kind, opset, axis):
    graph = helper.make_graph(
        [helper.make_node(kind, ["x"], ["y"], axis=axis)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, image.shape)],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def results(data):
    yield onnxruntime.InferenceSession(data).run(None, {"x": image})[0]
    core = openvino.Core()
    yield core.compile_model(core.read_model(io.BytesIO(data)), "CPU")(image)[0]
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(image)
    yield np.array(net.forward())


CASES = {
    ("Softmax", 11, 1): (False, False),
    ("Softmax", 11, 3): (True, True),
    ("Softmax", 13, 1): (True, True),
    ("LogSoftmax", 11, 1): (True, False),
    ("LogSoftmax", 13, 1): (True, True),
}
for (kind, opset, axis), expected in CASES.items():
    sums = [result.sum(axis=1).mean() for result in results(model(kind, opset, axis))]
    print(f"{kind + ',':11} opset {opset}, axis {axis}", *(f"{value:7.3f}" for value in sums))
    assert tuple(abs(value - sums[0]) < 1e-3 for value in sums[1:]) == expected, "other results now"
PYTHON
"$work/env/bin/python" "$work/softmax.py" 2>/dev/null
