#!/usr/bin/env bash
# OpenVINO's CPU cuts the bias of a local response normalisation down to a whole number.
#
# openvino 2026.4.1, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# LRN divides by (bias + alpha / size * sum of squares of the channels around) ^ beta. The graph
# that OpenVINO reads has the bias of the file. Its CPU computes with 1 for 1.5 and with 0 for 0.5,
# to the last digit of float32. With 1 and 2, which classifiers use, all is right. With alpha equal
# to the size, beta = 0.5 and a size that covers all channels, LRN is a norm over the channels of
# each pixel, and the bias is its epsilon: one of 0.1 is 0 there, which is no guard where a pixel is
# black in all channels.
#
# A good guess is that a float attribute that is read is computed as a float. A norm that is written
# out in ReduceMean, Add, Sqrt and Div keeps its epsilon.
#
# Seen (4 channels of 0 to 1, size 7, alpha 7, beta 0.5; bias of the graph that was read, largest
# difference from ONNX Runtime, and from ONNX Runtime with the bias that is cut down):
#   bias 1    1     0.00  0.00
#   bias 1.5  1.5   0.07  0.00
#   bias 2    2     0.00  0.00
#   bias 0.5  0.5   0.23  0.00
#   bias 0.1  0.1   0.07  0.00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    openvino==2026.4.1 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/lrn.py" <<'PYTHON'
import io

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper

image = np.random.default_rng(0).random((1, 4, 6, 6), np.float32)
core = openvino.Core()
core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def model(bias):
    node = helper.make_node("LRN", ["x"], ["y"], size=7, alpha=7.0, beta=0.5, bias=float(bias))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, image.shape) for name in "xy"]
    graph = helper.make_graph([node], "one", ends[:1], ends[1:])
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def by_onnxruntime(bias):
    return onnxruntime.InferenceSession(model(bias)).run(None, {"x": image})[0]


for bias in (1, 1.5, 2, 0.5, 0.1):
    read = core.read_model(io.BytesIO(model(bias)))
    shown = next(n.get_attributes()["bias"] for n in read.get_ops() if n.get_type_name() == "LRN")
    result = core.compile_model(read, "CPU")(image)[0]
    off = np.abs(result - by_onnxruntime(bias)).max()
    cut = np.abs(result - by_onnxruntime(int(bias))).max()
    print(f"bias {bias:<3}  {shown:<4.2g}  {off:.2f}  {cut:.2f}")
    assert (off > 0.01) == (bias != int(bias)), "another bias counts now"
    assert cut < 1e-5, "no longer cut to a whole number"
PYTHON
"$work/env/bin/python" "$work/lrn.py" 2>/dev/null
