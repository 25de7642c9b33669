#!/usr/bin/env bash
# Qualcomm's NPU pads a gray or RGB image with gray 128 instead of 0 before a 3x3 convolution of
# int16, if the image was 8 bits wide before.
#
# onnxruntime-qnn 2.7.0 (QNN 2.51, its emulator of the HTP), onnxruntime 1.31.1, onnx 1.22.0,
# numpy 2.4.6; Python 3.11, Linux x86-64 with glibc 2.35.
#
# Networks whose activations have 16 bits still take a uint8 image: it is converted, and the first
# convolution reads it. Here that is one convolution whose only weight is 1, above the middle, so
# that the first row of its output is what it was padded with, in levels of the image. The image is
# 100 everywhere, its zero point 0. ONNX Runtime's CPU, which is the definition, pads with 0.
#
# The HTP of v69, v75 and v79 pads with 128 where the kernel is 3x3 and the image has one, two or
# three channels. With four channels, with a kernel of 5x5, or where the image comes in 16 bits, it
# pads with 0. All other rows are right, and neither compiler nor runtime says a word. LiteRT's
# compiler for the same chips writes such a graph for a file with int16 CONV_2D.
#
# A good guess is that padding is the zero point, as in all 8-bit convolutions there, and that an
# edge that is off comes from one's own export. A PAD before a convolution without padding is right.
#
# Seen (first row of the output; v69, v75, v79):
#   channels  kernel  image   first row
#   1         3x3     uint8   128 128 128
#   2         3x3     uint8   128 128 128
#   3         3x3     uint8   128 128 128
#   4         3x3     uint8   0 0 0
#   3         5x5     uint8   0 0 0
#   3         3x3     uint16  0 0 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime-qnn==2.7.0 onnxruntime==1.31.1 onnx==1.22.0 numpy==2.4.6
cat > "$folder/padding.py" <<'PYTHON'
import sys

import numpy as np
import onnxruntime
import onnxruntime_qnn
from onnx import TensorProto, helper, numpy_helper

PROVIDER = "QNNExecutionProvider"
CHIPS = {"v69": ("36", "69"), "v75": ("57", "75"), "v79": ("69", "79")}
HEIGHT, WIDTH, OUTPUTS, LEVEL, FINER = 24, 32, 8, 100, 128


def quantized(nodes, name, kind, source, step, **attributes):
    """Append an operator between DequantizeLinear and QuantizeLinear of 16 bits."""
    nodes += [
        helper.make_node("DequantizeLinear", [source, step, "zero"], [f"{name}.real"]),
        helper.make_node(kind, [f"{name}.real", *attributes.pop("more", ())], [f"{name}.made"],
                         **attributes),
        helper.make_node("QuantizeLinear", [f"{name}.made", "finer", "zero"], [name]),
    ]  # fmt: skip


def convolution(channels, kernel, wide):
    """One convolution; pixels are last at both ends, as an app stores them."""
    weights = np.zeros((OUTPUTS, channels, kernel, kernel), np.int8)
    weights[:, 0, kernel // 2 - 1, kernel // 2] = 64
    constants = {
        "step": np.float32(1 / 255), "zero8": np.uint8(0),
        "finer": np.float32(1 / 255 / FINER), "zero": np.uint16(32768),
        "w": weights, "w_step": np.full(OUTPUTS, 1 / 64, np.float32),
        "w_zero": np.zeros(OUTPUTS, np.int8), "b": np.zeros(OUTPUTS, np.int32),
        "b_step": np.full(OUTPUTS, 1 / 255 / FINER / 64, np.float32),
        "b_zero": np.zeros(OUTPUTS, np.int32),
    }  # fmt: skip
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "w_step", "w_zero"], ["weights"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "b_step", "b_zero"], ["bias"], axis=0),
    ]
    first = "x"
    if not wide:
        nodes += [
            helper.make_node("DequantizeLinear", ["x", "step", "zero8"], ["pixels"]),
            helper.make_node("QuantizeLinear", ["pixels", "finer", "zero"], ["image"]),
        ]
        first = "image"
    quantized(nodes, "rows", "Transpose", first, "finer", perm=[0, 3, 1, 2])
    pads = [kernel // 2] * 4
    quantized(nodes, "sums", "Conv", "rows", "finer", more=["weights", "bias"], pads=pads)
    quantized(nodes, "y", "Transpose", "sums", "finer", perm=[0, 2, 3, 1])
    shape, result = (1, HEIGHT, WIDTH, channels), (1, HEIGHT, WIDTH, OUTPUTS)
    kind = TensorProto.UINT16 if wide else TensorProto.UINT8
    x = helper.make_tensor_value_info("x", kind, shape)
    y = helper.make_tensor_value_info("y", TensorProto.UINT16, result)
    held = [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()]
    graph = helper.make_graph(nodes, "g", [x], [y], held)
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def run(model, image, chip=None):
    """Return the output in levels of the image."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if chip is not None:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        settings = {"backend_path": onnxruntime_qnn.get_qnn_htp_path()}
        settings |= {"soc_model": chip[0], "htp_arch": chip[1]}
        options.add_provider_for_devices([UNIT], settings)
    session = onnxruntime.InferenceSession(model, options)
    return (session.run(None, {"x": image})[0].astype(int) - 32768) / FINER


onnxruntime.register_execution_provider_library(PROVIDER, onnxruntime_qnn.get_library_path())
UNIT = next(unit for unit in onnxruntime.get_ep_devices() if unit.ep_name == PROVIDER)
print("channels  kernel  image   first row")
for channels, kernel, wide, wanted in (
    (1, 3, False, 128), (2, 3, False, 128), (3, 3, False, 128),
    (4, 3, False, 0), (3, 5, False, 0), (3, 3, True, 0),
):  # fmt: skip
    model = convolution(channels, kernel, wide)
    shape = (1, HEIGHT, WIDTH, channels)
    levels = np.full(shape, 32768 + LEVEL * FINER, np.uint16) if wide else np.full(
        shape, LEVEL, np.uint8
    )
    own = run(model, levels)
    assert not own[:, 0].any() and (own[:, 1:] == LEVEL).all(), "ONNX Runtime pads otherwise"
    rows = []
    for chip in CHIPS.values():
        found = run(model, levels, chip)
        assert np.abs(found[:, 1:] - LEVEL).max() < 1, "the other rows differ"
        rows.append(found[0, 0, WIDTH // 2, 0])
    first = " ".join(f"{row:.0f}" for row in rows)
    image = "uint16" if wide else "uint8"
    print(f"{channels:<10}{kernel}x{kernel}     {image:8}{first}")
    if any(abs(row - wanted) > 1 for row in rows):
        sys.exit("padding is otherwise now")
PYTHON
"$folder/venv/bin/python" "$folder/padding.py" 2> "$folder/log" | grep -av LIBNATIVE \
    || { tail -3 "$folder/log"; exit 1; }
