#!/usr/bin/env bash
# onnxoptimizer 0.4.2: its default passes change what padded pools and two reshapes compute.
#
# onnxoptimizer 0.4.2, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# `onnxoptimizer.optimize(model)` applies passes that leave the results as they are: fusions and
# eliminations. Of these, fuse_pad_into_pool moves a Pad by 0 into the pool behind it.
# - A MaxPool's own padding never wins; a zero does, where all pixels around are negative.
# - An AveragePool leaves its own padding out of the mean, but not the zeros of a Pad. The pass makes
#   one padding of both, and counts all of it: the border of the mean gets darker.
# eliminate_consecutive_idempotent_ops leaves the second of two Reshapes. A 0 in its target, which
# takes a length from its input, then takes it from the first one's. Nothing is said, and the
# checker takes all results.
#
# A good guess is that an optimizer's default set is exact, or that a Pad by 0 is what a pool pads
# with; for an AveragePool without pads of its own it is.
#
# Seen (an image of -1 for the maximum and of 1 for the mean; ONNX Runtime, unoptimised, first values
# of the first row before and after; shapes before and after):
#   Pad 1, MaxPool 3x3                 0.00 0.00    -1.00 -1.00
#   Pad 1, AveragePool 3x3             0.44 0.67    0.44 0.67
#   Pad 1, AveragePool 3x3, pads 1     0.25 0.33    0.11 0.22
#   Reshape 1,2,3,6, Reshape 0,0,-1    (1, 2, 18)   (1, 1, 36)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnxoptimizer==0.4.2 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/passes.py" <<'PYTHON'
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel as Level

PAD = {"pad": np.int64([0, 0, 1, 1, 0, 0, 1, 1])}
RESHAPES = {"one": np.int64([1, 2, 3, 6]), "two": np.int64([0, 0, -1])}


def run(model, image):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = Level.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {"x": image})[0]


def before_and_after(nodes, constants, shape, value):
    image = np.full((1, 1, 6, 6), value, np.float32)
    graph = helper.make_graph(
        nodes,
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    optimised = onnxoptimizer.optimize(model)
    onnx.checker.check_model(optimised)
    return run(model, image), run(optimised, image)


def pooled(name, kind, value, pads):
    nodes = [
        helper.make_node("Pad", ["x", "pad"], ["p"]),
        helper.make_node(kind, ["p"], ["y"], kernel_shape=[3, 3], pads=[pads] * 4),
    ]
    side = 6 + 2 * pads
    results = before_and_after(nodes, PAD, (1, 1, side, side), value)
    rows = ["{:.2f} {:.2f}".format(*result[0, 0, 0, :2]) for result in results]
    print(f"{name:32}   {rows[0]:12} {rows[1]}")
    return np.abs(results[0] - results[1]).max()


assert pooled("Pad 1, MaxPool 3x3", "MaxPool", -1, 0) > 0.9, "the maximum is kept now"
assert pooled("Pad 1, AveragePool 3x3", "AveragePool", 1, 0) < 1e-6
assert pooled("Pad 1, AveragePool 3x3, pads 1", "AveragePool", 1, 1) > 0.1, "the mean is kept now"
nodes = [
    helper.make_node("Reshape", ["x", "one"], ["r"]),
    helper.make_node("Reshape", ["r", "two"], ["y"]),
]
shapes = [str(result.shape) for result in before_and_after(nodes, RESHAPES, (1, 2, 18), 1)]
print(f"{'Reshape 1,2,3,6, Reshape 0,0,-1':32}   {shapes[0]:12} {shapes[1]}")
assert shapes[0] != shapes[1], "the shape is kept now"
PYTHON
"$work/env/bin/python" "$work/passes.py" 2>/dev/null
