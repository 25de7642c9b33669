#!/usr/bin/env bash
# Qualcomm's NPU halves an RGB image wrongly: a depthwise 2x2 convolution with stride 2 of two to
# four channels returns other values nearly everywhere, without a word.
#
# onnxruntime-qnn 2.7.0 (QNN 2.51, its emulator of the HTP), onnxruntime 1.31.1, onnx 1.22.0,
# numpy 2.4.6; Python 3.11, Linux x86-64 with glibc 2.35.
#
# The mean of 2x2 pixels is how networks make a smaller copy of an image. As an int8 convolution it
# is depthwise (groups = channels) with four equal weights. Here that alone runs on 8-bit noise,
# against ONNX Runtime's CPU, which is the definition.
#
# On the HTP of v75 and v79 nearly all values are wrong, by up to 236 of 255 levels, if the image
# has two to four channels. With one, or eight, with stride 1, with 3x3 weights, or as one dense
# convolution with the same weights and zeros between the channels, values are right to one level.
# LiteRT's compiler for the same chips writes the same graph for DEPTHWISE_CONV_2D.
#
# A good guess is that a depthwise kernel is right for every number of channels if it is right for
# eight, or that what is not supported is refused. Written as a dense convolution it is right.
#
# Seen (largest difference in levels; v75, v79):
#   channels  kernel  stride  groups    difference
#   1         2x2     2       channels  1 1
#   2         2x2     2       channels  236 236
#   3         2x2     2       channels  236 236
#   4         2x2     2       channels  241 241
#   8         2x2     2       channels  1 1
#   3         2x2     1       channels  1 1
#   3         3x3     2       channels  0 0
#   3         2x2     2       1         1 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime-qnn==2.7.0 onnxruntime==1.31.1 onnx==1.22.0 numpy==2.4.6
cat > "$folder/depthwise.py" <<'PYTHON'
import sys

import numpy as np
import onnxruntime
import onnxruntime_qnn
from onnx import TensorProto, helper, numpy_helper

PROVIDER = "QNNExecutionProvider"
CHIPS = {"v75": ("57", "75"), "v79": ("69", "79")}
SIDE, LEVEL = 48, np.float32(1 / 255)


def mean(channels, kernel, stride, groups):
    """The mean of kernel x kernel pixels of each channel, from 8 bits to 8 bits."""
    weights = np.zeros((channels, channels // groups, kernel, kernel), np.int8)
    for channel in range(channels):
        weights[channel, channel if groups == 1 else 0] = 100
    step = np.full(channels, 1 / 100 / kernel**2, np.float32)
    none = np.zeros(channels, np.int32)
    constants = {
        "level": LEVEL, "zero": np.uint8(0), "w": weights, "w_step": step,
        "w_zero": none.astype(np.int8), "b": none, "b_step": step * LEVEL, "b_zero": none,
    }  # fmt: skip
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "level", "zero"], ["image"]),
        helper.make_node("DequantizeLinear", ["w", "w_step", "w_zero"], ["weights"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "b_step", "b_zero"], ["bias"], axis=0),
        helper.make_node(
            "Conv", ["image", "weights", "bias"], ["small"], group=groups, strides=[stride] * 2
        ),
        helper.make_node("QuantizeLinear", ["small", "level", "zero"], ["y"]),
    ]
    size = (SIDE - kernel) // stride + 1
    ends = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, (1, channels, side, side))
        for name, side in (("x", SIDE), ("y", size))
    ]
    held = [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], held)
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def run(model, image, chip=None):
    """Return the output in levels."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if chip is not None:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        settings = {"backend_path": onnxruntime_qnn.get_qnn_htp_path()}
        settings |= {"soc_model": chip[0], "htp_arch": chip[1]}
        options.add_provider_for_devices([UNIT], settings)
    session = onnxruntime.InferenceSession(model, options)
    return session.run(None, {"x": image})[0].astype(int)


onnxruntime.register_execution_provider_library(PROVIDER, onnxruntime_qnn.get_library_path())
UNIT = next(unit for unit in onnxruntime.get_ep_devices() if unit.ep_name == PROVIDER)
print("channels  kernel  stride  groups    difference")
for channels, kernel, stride, groups, wrong in (
    (1, 2, 2, 1, False), (2, 2, 2, 2, True), (3, 2, 2, 3, True), (4, 2, 2, 4, True),
    (8, 2, 2, 8, False), (3, 2, 1, 3, False), (3, 3, 2, 3, False), (3, 2, 2, 1, False),
):  # fmt: skip
    model = mean(channels, kernel, stride, groups)
    shape = (1, channels, SIDE, SIDE)
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    own = run(model, image)
    found = [int(np.abs(run(model, image, chip) - own).max()) for chip in CHIPS.values()]
    kind = "channels" if groups == channels else "1"
    print(f"{channels:<10}{kernel}x{kernel}     {stride:<8}{kind:10}{' '.join(map(str, found))}")
    if any((difference > 1) != wrong for difference in found):
        sys.exit("a depthwise convolution is otherwise now")
PYTHON
"$folder/venv/bin/python" "$folder/depthwise.py" 2> "$folder/log" | grep -av LIBNATIVE \
    || { tail -3 "$folder/log"; exit 1; }
