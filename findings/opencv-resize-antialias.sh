#!/usr/bin/env bash
# OpenCV 5.0 drops what it does not know of a Resize: antialias, and half_pixel_symmetric.
#
# opencv-python-headless 5.0.0.93, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux
# x86-64.
#
# `cv2.dnn.readNetFromONNX` takes a Resize with antialias = 1, which is what torch exports for
# interpolate(..., antialias=True), and shrinks without it: fine detail turns into patterns. Its
# result is the one of the same file without the attribute. A Resize with the coordinates
# half_pixel_symmetric (opset 19), which are those of half_pixel where the scale divides, becomes
# one with asymmetric coordinates, half a pixel of the result away. Nothing is raised or logged.
#
# A good guess is a refusal, as for tf_half_pixel_for_nn in former releases, or that a name which
# OpenCV does not know falls back to the operator's default, half_pixel.
#
# Seen (largest difference from ONNX Runtime; diagonal stripes of 0 and 1):
#   linear x0.5                        0.00
#   linear x0.5, antialias             0.22
#   cubic x0.5, antialias              0.19
#   linear x2, half_pixel              0.00
#   linear x2, half_pixel_symmetric    0.44
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/resize.py" <<'PYTHON'
import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(3)
steps = np.arange(16)
image = ((steps[:, None] + steps) // 3 % 2).astype(np.float32)[None, None]  # diagonal stripes
CASES = {
    "linear x0.5": (0.5, {"mode": "linear"}),
    "linear x0.5, antialias": (0.5, {"mode": "linear", "antialias": 1}),
    "cubic x0.5, antialias": (0.5, {"mode": "cubic", "antialias": 1}),
    "linear x2, half_pixel": (2, {"mode": "linear"}),
    "linear x2, half_pixel_symmetric": (
        2,
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"},
    ),
    "linear x2, asymmetric": (
        2,
        {"mode": "linear", "coordinate_transformation_mode": "asymmetric"},
    ),
}


def model(scale, attributes):
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, "rows", "columns"))],
        [numpy_helper.from_array(np.float32([1, 1, scale, scale]), "scales")],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def by_opencv(data):
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(image)
    return np.array(net.forward())


def by_onnxruntime(data):
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": image})[0]


results = {}
for name, (scale, attributes) in CASES.items():
    data = model(scale, attributes)
    results[name] = by_opencv(data)
    off = np.abs(results[name] - by_onnxruntime(data)).max()
    print(f"{name:33}{off:.2f}")
    assert (off > 0.1) == ("antialias" in name or "symmetric" in name.replace("asymmetric", ""))
assert np.array_equal(results["linear x0.5"], results["linear x0.5, antialias"])
symmetric, asymmetric = results["linear x2, half_pixel_symmetric"], results["linear x2, asymmetric"]
assert np.abs(symmetric - asymmetric).max() < 1e-4
PYTHON
"$work/env/bin/python" "$work/resize.py"
