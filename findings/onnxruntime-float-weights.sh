#!/usr/bin/env bash
# onnxruntime 1.31.1: a default session quantizes the float weights of a convolution by itself.
#
# onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# In mixed precision a layer is kept in float because int8 weights cost it too much: its input comes
# from a DequantizeLinear, its weights and bias are float, and the next layer's QuantizeLinear reads
# its output. The basic level of optimisation, which every session applies, takes that for a layer
# whose weights were forgotten, and stores them as int8 with one scale for the whole tensor. One
# channel with large weights then takes the levels of all the others.
#
# A good guess is that a layer without QuantizeLinear on its weights computes with them as they are.
# It does if nothing quantizes its output, or without optimisation.
#
# Seen (weights in the session's graph; share of values that differ in the seven other channels):
#   output quantized      int8, one scale   0.97
#   output not quantized  float             0.00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
"$work/env/bin/python" - "$work/session.onnx" <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

random = np.random.default_rng(0)
weights = random.normal(0, 1, (8, 3, 3, 3)).astype(np.float32)
weights[0] *= 100
image = random.uniform(0, 1, (1, 3, 16, 16)).astype(np.float32)
constants = {
    "w": weights, "bias": np.zeros(8, np.float32), "s": np.float32(1 / 255), "z": np.int8(-128),
    "s2": np.float32(0.1), "z2": np.int8(0),
}


def model(quantized):
    node, info = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["a"]),
        node("DequantizeLinear", ["a", "s", "z"], ["b"]),
        node("Conv", ["b", "w", "bias"], ["c"], pads=[1] * 4),
    ]
    if quantized:
        nodes.append(node("QuantizeLinear", ["c", "s2", "z2"], ["d"]))
        nodes.append(node("DequantizeLinear", ["d", "s2", "z2"], ["y"]))
    outputs = [info("y" if quantized else "c", 1, [1, 8, 16, 16])]
    stored = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "g", [info("x", 1, [1, 3, 16, 16])], outputs, stored)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()


def run(model, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 3
    options.optimized_model_filepath = sys.argv[1]
    return onnxruntime.InferenceSession(model, options).run(None, {"x": image})[0]


Level, seen = onnxruntime.GraphOptimizationLevel, []
for quantized in (True, False):
    plain = run(model(quantized), Level.ORT_DISABLE_ALL)
    basic = run(model(quantized), Level.ORT_ENABLE_BASIC)
    (kind,) = (t.data_type for t in onnx.load(sys.argv[1]).graph.initializer if len(t.dims) == 4)
    share = float((np.abs(plain - basic) > 1e-4)[:, 1:].mean())
    seen.append((kind == onnx.TensorProto.INT8, share))
    word = "int8" if seen[-1][0] else "float"
    print(f"output {'' if quantized else 'not '}quantized: weights {word}, {share:.2f} differ")
(stored, share), (plainly, none) = seen
sys.exit(not (stored and share > 0.5 and not plainly and none == 0))
PYTHON
