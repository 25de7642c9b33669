#!/usr/bin/env bash
# OpenCV 5.0 resizes by the ratio of the sizes where an ONNX file gives the factor.
#
# opencv-python-headless 5.0.0.93, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux
# x86-64.
#
# A Resize states factors or sizes. With a factor of 0.5, pixels of the result are 2 pixels of the
# image apart; 9 columns become 4, and the ninth is not used. `cv2.dnn.readNetFromONNX` rounds the
# sizes and divides: its pixels are 9 / 4 apart, the image is squeezed, and the last column is 0.9
# pixels from its place. It is so in all modes, linear, cubic and nearest, enlarging by 1.5 as well.
# Nothing is said, and the result is to the last digit what the file with sizes, another file, gives
# in ONNX Runtime. Where the size times the factor is whole, nothing shows.
#
# A good guess is that a factor and the size that it comes to are one and the same. torch exports
# interpolate(x, scale_factor=0.5) with the factor, since its own result depends on it. In a network
# that halves an image of odd size, enlarges it and joins both, one half is shifted.
#
# Seen (a ramp of one level a column, linear; OpenCV's last column and ONNX Runtime's by the factor
# and by the size, and the largest difference of OpenCV from each):
#   8 columns by 0.5:  6.50  6.50  6.50  0.00  0.00
#   9 columns by 0.5:  7.38  6.50  7.38  0.88  0.00
#   9 columns by 0.4:  7.00  5.75  7.00  1.25  0.00
#   8 columns by 1.5:  7.00  7.00  7.00  0.00  0.00
#   9 columns by 1.5:  8.00  7.83  8.00  0.29  0.00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/factor.py" <<'PYTHON'
import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(3)


def model(columns, factor, by_size, mode="linear"):
    result = int(columns * factor)
    if by_size:
        inputs, target = ["x", "", "", "to"], np.int64([1, 1, 4, result])
    else:
        inputs, target = ["x", "", "to"], np.float32([1, 1, 1, factor])
    graph = helper.make_graph(
        [helper.make_node("Resize", inputs, ["y"], mode=mode)],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 4, columns))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 4, result))],
        [numpy_helper.from_array(target, "to")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()


def results(columns, factor, mode="linear"):
    """Return the first row of OpenCV's result, and of ONNX Runtime's by factor and by size."""
    ramp = np.tile(np.arange(columns, dtype=np.float32), (1, 1, 4, 1))
    files = [model(columns, factor, by_size, mode) for by_size in (False, True)]
    net = cv2.dnn.readNetFromONNX(np.frombuffer(files[0], np.uint8))
    net.setInput(ramp)
    rows = [np.array(net.forward())[0, 0, 0]]
    for file in files:
        rows.append(onnxruntime.InferenceSession(file).run(None, {"x": ramp})[0][0, 0, 0])
    return rows


for columns, factor in ((8, 0.5), (9, 0.5), (9, 0.4), (8, 1.5), (9, 1.5)):
    found, by_factor, by_size = results(columns, factor)
    off, same = np.abs(found - by_factor).max(), np.abs(found - by_size).max()
    last = f"{found[-1]:.2f}  {by_factor[-1]:.2f}  {by_size[-1]:.2f}"
    print(f"{columns} columns by {factor}:  {last}  {off:.2f}  {same:.2f}")
    assert (off > 0.2) == (columns == 9), "the factor counts now"
    assert same < 1e-5, "no longer what the sizes give"
for mode in ("cubic", "nearest"):
    found, by_factor, by_size = results(9, 0.5, mode)
    assert np.abs(found - by_factor).max() > 0.2 and np.abs(found - by_size).max() < 1e-5, mode
PYTHON
"$work/env/bin/python" "$work/factor.py" 2>/dev/null
