#!/bin/bash
# ONNX Runtime 1.31.1: a Resize that crops a region and enlarges it to the image's own size returns
# the image as it is, uncropped.
#
# With coordinate_transformation_mode="tf_crop_and_resize" a Resize takes the region `roi` of the
# image. Zooming into the middle of an image at constant size is its plainest use. ONNX Runtime
# treats a Resize whose output is as large as its input as nothing at all, before it looks at the
# region. One row more, and it crops. ONNX's reference evaluator and the text of the operator crop
# at every size.
#
# A good guess is that the region always counts, since nothing in the model says otherwise and
# neither the session nor the run warns.
#
# Seen (the middle half of a ramp of 8 columns from 0 to 7; first and last column of the result):
#   ONNX Runtime, 8 columns: 0 and 7        9 columns: 1.75 and 5.25
#   onnx reference, 8 columns: 1.75 and 5.25
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
"$work/env/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

IMAGE = np.tile(np.arange(8, dtype=np.float32), (1, 1, 4, 1))
REGION = np.array([0, 0, 0, 0.25, 1, 1, 1, 0.75], np.float32)


def ends_of(columns):
    node = helper.make_node("Resize", ["image", "region", "", "sizes"], ["out"], mode="linear",
                            coordinate_transformation_mode="tf_crop_and_resize")
    ends = [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 1, 4, 8)),
            helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 1, 4, columns))]
    constants = [numpy_helper.from_array(REGION, "region"),
                 numpy_helper.from_array(np.array([1, 1, 4, columns]), "sizes")]
    graph = helper.make_graph([node], "one", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    found = [session.run(None, {"image": IMAGE})[0],
             ReferenceEvaluator(model).run(None, {"image": IMAGE})[0]]
    return [(float(f[0, 0, 0, 0]), float(f[0, 0, 0, -1])) for f in found]


same, larger = ends_of(8), ends_of(9)
print("8 columns: ONNX Runtime", same[0], "reference", same[1])
print("9 columns: ONNX Runtime", larger[0], "reference", larger[1])
cropped = (1.75, 5.25)
sys.exit(0 if same == [(0, 7), cropped] and larger == [cropped, cropped] else 1)
PYTHON
