#!/usr/bin/env bash
# ONNX Runtime's quantize_static drops a Clip whose lower bound is above 0, and nothing stands in
# for it.
#
# onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# A Relu or Clip behind a convolution is removed, since the range of the 8-bit numbers cuts off the
# same values; quantize_static's option QDQKeepRemovableActivations says as much. That range always
# holds 0, so that 0 has a code of its own. Behind a clip to 16/255..235/255, the range of video's
# luma, it is 0..235/255: the upper bound is kept and the lower one is gone. The same goes for a
# clamp(min=...) before a division or a logarithm: the file divides by 0 where the network did not.
# A default session and an unoptimized one return the same.
#
# A good guess is that a clip is removed only where the range implies it, which the calibrated
# minimum, the bound itself, seems to show. With QDQKeepRemovableActivations the result is right.
#
# Seen (least and greatest value of the output, in levels of 255; input 0 to 1):
#   float                              16  235
#   quantize_static                     0  235
#   QDQKeepRemovableActivations        16  235
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/clip.py" <<'PYTHON'
import logging
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, quantize_static

logging.disable(logging.WARNING)
onnxruntime.set_default_logger_severity(3)
folder = sys.argv[1]
image = np.linspace(0, 1, 256, dtype=np.float32).reshape(1, 1, 16, 16)


class Reader(CalibrationDataReader):
    def __init__(self):
        self.batches = iter([{"x": image}])

    def get_next(self):
        return next(self.batches, None)


def clipped_convolution():
    nodes = [
        helper.make_node("Conv", ["x", "weight"], ["c"], name="conv"),
        helper.make_node("Clip", ["c", "low", "high"], ["y"], name="clip"),
    ]
    constants = {"weight": np.ones((1, 1, 1, 1)), "low": 16 / 255, "high": 235 / 255}
    graph = helper.make_graph(
        nodes,
        "clip",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, image.shape)],
        [numpy_helper.from_array(np.float32(v), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def levels(name, path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    result = 255 * session.run(None, {"x": image})[0]
    print(f"{name:33}{result.min():4.0f}{result.max():5.0f}")
    return round(float(result.min())), round(float(result.max()))


onnx.save(clipped_convolution(), f"{folder}/float.onnx")
quantize_static(f"{folder}/float.onnx", f"{folder}/plain.onnx", Reader())
keep = {"QDQKeepRemovableActivations": True}
quantize_static(f"{folder}/float.onnx", f"{folder}/keep.onnx", Reader(), extra_options=keep)
assert levels("float", f"{folder}/float.onnx") == (16, 235)
assert levels("quantize_static", f"{folder}/plain.onnx") == (0, 235), "the lower bound holds now"
assert levels("QDQKeepRemovableActivations", f"{folder}/keep.onnx") == (16, 235)
PYTHON
"$work/env/bin/python" "$work/clip.py" "$work" 2> >(grep -v WARNING >&2)
