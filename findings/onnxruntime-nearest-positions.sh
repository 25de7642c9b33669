#!/bin/bash
# ONNX Runtime 1.31.1: a nearest Resize of 224 pixels to 32 does not take every seventh pixel.
#
# Sizes are given, coordinates are "asymmetric", rounded down: what torch.onnx.export makes of
# interpolate(x, size=32, mode="nearest"). Output i is input floor(i * 224 / 32) = 7 i, as in torch
# and in ONNX's reference evaluator. ONNX Runtime divides i by the scale 32/224 in float32, which is
# 0.14285715, a little more than 1/7; the quotient is a little less than 7 i, and rounds down to the
# pixel before. That hits 19 of 32 outputs here, and some outputs of every size at the factors 7, 13,
# 14, 15, 26, 28 and 30 (of those up to 32); powers of two, 3, 5 and 6 are right, and so is enlarging
# by whole factors.
#
# A good guess is that copying pixels is exact, and that a whole factor is the same as a slice.
#
# Seen (outputs of 32 that are not every k-th pixel):
#   factor  2:  0   reference  0
#   factor  3:  0   reference  0
#   factor  6:  0   reference  0
#   factor  7: 19   reference  0   first: 0 6 13 21 27 35
#   factor 13:  9   reference  0   first: 0 12 25 39 51 65
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

SIDE = 32


def taken(factor):
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="nearest",
                            coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    length = SIDE * factor
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 1, length)),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 1, SIDE))]
    sizes = numpy_helper.from_array(np.array([1, 1, 1, SIDE]), "sizes")
    graph = helper.make_graph([node], "one", ends[:1], ends[1:], [sizes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    feeds = {"x": np.arange(length, dtype=np.float32).reshape(1, 1, 1, -1)}
    session = onnxruntime.InferenceSession(model.SerializeToString())
    runs = session.run(None, feeds)[0], ReferenceEvaluator(model).run(None, feeds)[0]
    return [run.ravel().astype(int) for run in runs]


wrong = {}
for factor in (2, 3, 6, 7, 13):
    runtime, reference = taken(factor)
    wanted = factor * np.arange(SIDE)
    wrong[factor] = int((runtime != wanted).sum()), int((reference != wanted).sum())
    print(f"factor {factor:2}: {wrong[factor][0]:2}   reference {wrong[factor][1]:2}", *runtime[:6])
sys.exit(0 if wrong == {2: (0, 0), 3: (0, 0), 6: (0, 0), 7: (19, 0), 13: (9, 0)} else 1)
PYTHON
