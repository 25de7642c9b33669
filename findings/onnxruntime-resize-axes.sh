#!/bin/bash
# ONNX Runtime 1.31.1: a default session does not run a valid Resize that names its axes, where a
# Transpose stands before it.
#
# Since opset 18 a Resize may say axes=[2, 3] and give two sizes or scales instead of four. The
# checker, shape inference and an unoptimised session take the model. At the default level of
# optimisation the transpose optimiser moves the Transpose through the Resize and permutes its
# scales or sizes as if there were one for every axis. With sizes the session is not created
# ("Number of elements of input 'sizes' (0) does not match the number of axes (2)"); with scales it
# is, and the first run fails in a Gather. Channels-last models with their ends transposed are such
# files, and so are QDQ graphs: the optimiser puts its own transpositions around 8-bit convolutions.
#
# A good guess is that optimisation changes speed alone, or that such a node is left as it is. The
# same Resize stated for all four axes runs, to the bit.
#
# Seen:
#   axes, sizes:  unoptimised ok, default FAIL
#   axes, scales: unoptimised ok, default INVALID_ARGUMENT
#   all axes:     unoptimised ok, default ok, equal
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

IMAGE = np.random.default_rng(0).random((1, 12, 16, 3), np.float32)
LEVELS = onnxruntime.GraphOptimizationLevel
onnxruntime.set_default_logger_severity(4)


def run(inputs, values, **attributes):
    make = helper.make_node
    nodes = [make("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
             make("Resize", inputs, ["resized"], mode="linear", **attributes),
             make("Transpose", ["resized"], ["out"], perm=[0, 2, 3, 1])]
    ends = [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 12, 16, 3)),
            helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 24, 24, 3))]
    constants = [numpy_helper.from_array(values, "s")]
    graph = helper.make_graph(nodes, "one", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    found = []
    for level in (LEVELS.ORT_DISABLE_ALL, LEVELS.ORT_ENABLE_ALL):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        try:
            session = onnxruntime.InferenceSession(model.SerializeToString(), options)
            found.append(session.run(None, {"image": IMAGE})[0])
        except Exception as error:
            found.append(str(error))
    print([f if isinstance(f, str) else f.shape for f in found])
    return found


sizes = run(["first", "", "", "s"], np.array([24, 24]), axes=[2, 3])
scales = run(["first", "", "s"], np.array([2, 1.5], np.float32), axes=[2, 3])
stated = run(["first", "", "s"], np.array([1, 1, 2, 1.5], np.float32))
fails = isinstance(sizes[1], str) and isinstance(scales[1], str)
works = all(not isinstance(f, str) and np.array_equal(f, stated[0]) for f in stated)
right = np.array_equal(sizes[0], stated[0]) and np.array_equal(scales[0], stated[0])
sys.exit(0 if fails and works and right else 1)
PYTHON
