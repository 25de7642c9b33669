#!/usr/bin/env bash
# Qualcomm's NPU requantizes a convolution exactly only where the multiplier is a power of two.
#
# onnxruntime-qnn 2.7.0 (QNN 2.51, its emulator of the HTP), onnxruntime 1.31.1, onnx 1.22.0,
# numpy 2.4.6; Python 3.11, Linux x86-64 with glibc 2.35.
#
# An int8 convolution ends with round(sum x multiplier), multiplier = input scale x weight scale
# / output scale. Here one convolution of 1x1, two channels in and 32 out, is asked for every level
# of its uint8 output: by ONNX Runtime's CPU in float, which is the definition, and by the HTP of
# two chips. Its multipliers are 2^-8 x (1 + k / 2^p), with p bits behind the point.
#
# With p = 0 both return the same but where the sum is an exact half. From the first bit on, 2 of
# 100 values are a level off on v79 and 3 to 5 of 100 on v69, never more than one level, whatever
# the fraction is, 1.5 as well as any other. That is as if the sum were rounded to some 5 bits behind
# the point (4 on v69) before it is multiplied, and the product once more.
#
# A good guess is a multiplier of 31 bits, as in TFLite, that makes results differ in one value of
# 10 000; or that a short fraction such as 1.5 is as exact as 1. Networks in which a level at one
# layer becomes more at the next come out elsewhere therefore, in each layer a little.
#
# Seen (share of values, neither black nor white, that equal the CPU's; largest difference):
#   bits   v79         v69
#   0      0.9976  1   0.9976  1
#   1      0.9780  1   0.9673  1
#   4      0.9754  1   0.9544  1
#   8      0.9762  1   0.9571  1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime-qnn==2.7.0 onnxruntime==1.31.1 onnx==1.22.0 numpy==2.4.6
cat > "$folder/requantize.py" <<'PYTHON'
import sys

import numpy as np
import onnxruntime
import onnxruntime_qnn
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(0)
PROVIDER = "QNNExecutionProvider"
CHIPS = {"v79": ("69", "79"), "v69": ("36", "69")}
OUTPUTS, STEP_IN, STEP_OUT = 32, np.float32(1 / 256), np.float32(1 / 64)
IMAGE = np.stack(np.meshgrid(np.arange(256), np.arange(0, 256, 4), indexing="ij"))[np.newaxis]
IMAGE = IMAGE.astype(np.uint8)  # (1, 2, 256, 64): sums are 64 x the first + the second + bias


def convolution(multipliers):
    bias = np.rint(RANDOM.uniform(0, 60, OUTPUTS) / multipliers).astype(np.int32)
    steps = (multipliers * STEP_OUT / STEP_IN).astype(np.float32)
    weights = np.ones((OUTPUTS, 2, 1, 1), np.int8)
    weights[:, 0] = 64
    constants = {
        "w": weights, "w_step": steps, "w_zero": np.zeros(OUTPUTS, np.int8),
        "b": bias, "b_step": STEP_IN * steps, "b_zero": np.zeros(OUTPUTS, np.int32),
        "x_step": STEP_IN, "y_step": STEP_OUT, "zero": np.uint8(0),
    }  # fmt: skip
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "x_step", "zero"], ["xf"]),
        helper.make_node("DequantizeLinear", ["w", "w_step", "w_zero"], ["wf"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "b_step", "b_zero"], ["bf"], axis=0),
        helper.make_node("Conv", ["xf", "wf", "bf"], ["yf"]),
        helper.make_node("QuantizeLinear", ["yf", "y_step", "zero"], ["y"]),
    ]
    shapes = {"x": IMAGE.shape, "y": (1, OUTPUTS, *IMAGE.shape[2:])}
    x, y = (helper.make_tensor_value_info(n, TensorProto.UINT8, s) for n, s in shapes.items())
    held = [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()]
    opset = [helper.make_opsetid("", 17)]
    graph = helper.make_graph(nodes, "g", [x], [y], held)
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def run(model, chip=None):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if chip is None:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    else:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        settings = {"backend_path": onnxruntime_qnn.get_qnn_htp_path()}
        settings |= {"soc_model": chip[0], "htp_arch": chip[1]}
        options.add_provider_for_devices([UNIT], settings)
    session = onnxruntime.InferenceSession(model, options)
    return session.run(None, {"x": IMAGE})[0].astype(int)


onnxruntime.register_execution_provider_library(PROVIDER, onnxruntime_qnn.get_library_path())
UNIT = next(unit for unit in onnxruntime.get_ep_devices() if unit.ep_name == PROVIDER)
print("bits  ", "         ".join(CHIPS))
found = {}
for bits in (0, 1, 4, 8):
    fractions = RANDOM.integers(0, 2**bits, OUTPUTS) | (bits > 0)
    model = convolution(2.0**-8 * (1 + fractions / 2**bits))
    wanted = run(model)
    between = (wanted > 0) & (wanted < 255)
    line = []
    for name, chip in CHIPS.items():
        off = np.abs(run(model, chip) - wanted)
        found[bits, name] = float((off[between] == 0).mean())
        line.append(f"{found[bits, name]:.4f}  {off.max()}")
    print(f"{bits}      {'   '.join(line)}")
exact = all(found[0, name] > 0.995 for name in CHIPS)
rounded_twice = all(found[bits, name] < 0.985 for bits in (1, 4, 8) for name in CHIPS)
sys.exit(0 if exact and rounded_twice else "requantization rounds otherwise now")
PYTHON
"$folder/venv/bin/python" "$folder/requantize.py" 2> "$folder/log" | grep -v LIBNATIVE \
    || { tail -3 "$folder/log"; exit 1; }
