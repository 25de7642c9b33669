#!/usr/bin/env bash
# ONNX Runtime 1.31.1: a default session refuses a mean over an image with wide borders of zeros.
#
# onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# The basic optimisations move what a Pad adds into the `pads` of the pool behind it. A pool's own
# padding must be narrower than its window; a Pad's need not. So Pad by 2 and AveragePool 2x2 come
# to a pool of pads 2, and the session is refused with "Pad should be smaller than kernel", of a
# file that says no such thing. The checker takes the file, and an unoptimised session runs it.
# MaxPool is refused likewise, and where it is not, the zeros are lost: a maximum ignores padding of
# its own (that is onnxruntime#24737, closed and still so). The pool with auto_pad = VALID, which
# says nothing else, is left alone.
#
# A good guess is that a session that cannot merge two operators leaves them apart.
#
# Seen (against NumPy, image -1 to 0; default session):
#   Pad 1, AveragePool 2x2          equal
#   Pad 2, AveragePool 2x2          refused
#   Pad 2, AveragePool 2x2, VALID   equal
#   Pad 1, MaxPool 3x3              off by 0.27
#   Pad 3, MaxPool 3x3              refused
#   Pad 3, MaxPool 3x3, VALID       equal
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/pools.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel as Level

onnxruntime.set_default_logger_severity(4)
image = -np.random.default_rng(0).random((1, 1, 6, 8), np.float32)
MEAN, MAXIMUM = ("AveragePool", np.mean), ("MaxPool", np.max)
CASES = (
    (1, MEAN, 2, "NOTSET", "equal"),
    (2, MEAN, 2, "NOTSET", "refused"),
    (2, MEAN, 2, "VALID", "equal"),
    (1, MAXIMUM, 3, "NOTSET", "off"),
    (3, MAXIMUM, 3, "NOTSET", "refused"),
    (3, MAXIMUM, 3, "VALID", "equal"),
)


def model(pad, kind, size, auto_pad):
    window = {"kernel_shape": [size] * 2, "strides": [size] * 2, "auto_pad": auto_pad}
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["p"]),
        helper.make_node(kind, ["p"], ["y"], **window),
    ]
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, "rows", "columns"))],
        [numpy_helper.from_array(np.array([0, 0, pad, pad] * 2), "pads")],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def run(data, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": image})[0]


for pad, (kind, pool), size, auto_pad, expected in CASES:
    data = model(pad, kind, size, auto_pad)
    padded = np.pad(image, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(padded, (size, size), (2, 3))[:, :, ::size, ::size]
    wanted = pool(windows, (-2, -1))
    assert np.abs(run(data, Level.ORT_DISABLE_ALL) - wanted).max() < 1e-6
    try:
        off = np.abs(run(data, Level.ORT_ENABLE_ALL) - wanted).max()
        seen, shown = ("off", f"off by {off:.2f}") if off > 1e-6 else ("equal", "equal")
    except Exception as error:
        assert "Pad should be smaller than kernel" in str(error), error
        seen = shown = "refused"
    valid = ", VALID" if auto_pad == "VALID" else ""
    print(f"{f'Pad {pad}, {kind} {size}x{size}{valid}':32}{shown}")
    assert seen == expected, "pads are merged otherwise now"
PYTHON
"$work/env/bin/python" "$work/pools.py"
