#!/usr/bin/env bash
# ONNX Runtime 1.31.1: a default session refuses an int8 QDQ model from opset 21 on where it moves
# data; at opset 20, or with uint8, the same model runs.
#
# onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# Q, DQ, Reshape (or Transpose, Slice, MaxPool, Unsqueeze), and then an operator that stays in
# float. The optimiser carries Q and DQ past the Reshape, and writes the type of the new Q down,
# output_dtype = INT8, an attribute that Q has since opset 21. A later step for x86 makes uint8 of
# int8 pairs: it changes the zero point and leaves the attribute. The session is refused with "Node
# (..._q) Op (QuantizeLinear) [TypeInferenceError] output_dtype INT8 does not match y_zero_point
# type UINT8", in which the file has no such attribute and no uint8. The checker takes it, and an
# unoptimised session and one of the basic level run it. (onnxruntime#25526 is the same message for
# files that state output_dtype themselves.)
#
# A good guess is that the file is wrong, or that raising the opset changes nothing where no
# operator changed its meaning.
#
# Seen (an int8 pair, the operator and a Mul; default session):
#                  opset 20  opset 21  opset 21, uint8
#   Reshape        runs      refused   runs
#   Transpose      runs      refused   runs
#   Slice          runs      refused   runs
#   MaxPool        runs      refused   runs
#   DepthToSpace   runs      runs      runs
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/opset.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel as Level

onnxruntime.set_default_logger_severity(4)
image = np.random.default_rng(0).random((1, 4, 8, 8), np.float32)
MOVES = {
    "Reshape": (["shape"], {}),
    "Transpose": ([], {"perm": [0, 2, 3, 1]}),
    "Slice": (["start", "end", "axis"], {}),
    "MaxPool": ([], {"kernel_shape": [2, 2]}),
    "DepthToSpace": ([], {"blocksize": 2}),
}
RANKS = {"Reshape": 3}


def model(kind, opset, dtype):
    inputs, attributes = MOVES[kind]
    pair = ["scale", "zero"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *pair], ["q"]),
        helper.make_node("DequantizeLinear", ["q", *pair], ["d"]),
        helper.make_node(kind, ["d", *inputs], ["m"], **attributes),
        helper.make_node("Mul", ["m", "scale"], ["y"]),
    ]
    integers = {"shape": [1, 4, 64], "start": [1], "end": [3], "axis": [1]}
    constants = [numpy_helper.from_array(np.array(v), n) for n, v in integers.items()]
    constants += [
        numpy_helper.from_array(np.float32(1 / 127), "scale"),
        numpy_helper.from_array(dtype(0), "zero"),
    ]
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * RANKS.get(kind, 4))],
        constants,
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def run(data, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return session.run(None, {"x": image})[0]
    except Exception as error:
        assert "output_dtype INT8 does not match y_zero_point type UINT8" in str(error), error
        return None


for kind in MOVES:
    seen = []
    for opset, dtype in ((20, np.int8), (21, np.int8), (21, np.uint8)):
        data = model(kind, opset, dtype)
        assert run(data, Level.ORT_DISABLE_ALL) is not None
        assert run(data, Level.ORT_ENABLE_BASIC) is not None
        seen.append("refused" if run(data, Level.ORT_ENABLE_ALL) is None else "runs")
    print(f"{kind:15}", *(f"{one:9}" for one in seen))
    int8 = "runs" if kind == "DepthToSpace" else "refused"
    assert seen == ["runs", int8, "runs"], "int8 models of opset 21 load otherwise now"
PYTHON
"$work/env/bin/python" "$work/opset.py"
