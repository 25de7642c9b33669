#!/usr/bin/env bash
# OpenVINO 2026.4.1 takes a Pad into the transposed convolution behind it and forgets the stride.
#
# openvino 2026.4.1, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# The pads of a ConvTranspose cut rows off its output, so a Pad of zeros before it can be taken off
# them: a row of the input is as many rows of the output as the stride says. OpenVINO's compiler takes
# one for one. At stride 2 the compiled model returns fewer rows than the file and the read model
# declare, and begins a row further down. Where a border is cut off behind it, at rows counted from
# the start, the shape is right and the picture is moved. Nothing is said. At stride 1, where both
# counts are the same, without pads to take from, and with a Pad by 0.1 in place of 0, it is right.
#
# A good guess is that a fusion keeps the shapes of a static model, as its other fusions of a Pad do.
#
# Seen (8 rows, Pad by 1 at both ends, transposed convolution 4x4; rows by ONNX Runtime, by the read
# and by the compiled model, and the largest difference where they agree):
#   stride 2, pads 1              20  20  18
#   stride 2, pads 1, rows 2:18   16  16  16  5.89
#   stride 3, pads 1              29  29  25
#   stride 1, pads 1              11  11  11  0.00
#   stride 2, pads 0              22  22  22  0.00
#   stride 2, pads 1, Pad by 0.1  20  20  20  0.00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    openvino==2026.4.1 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/pad.py" <<'PYTHON'
import io

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(0)
image = rng.random((1, 2, 8, 8)).astype(np.float32)
kernel = rng.standard_normal((2, 2, 4, 4)).astype(np.float32)
core = openvino.Core()
core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def model(stride, pads, value, crop):
    rows = 9 * stride + 4 - 2 * pads
    last = "z" if crop else "y"
    nodes = [
        helper.make_node("Pad", ["x", "pad", "value"], ["p"]),
        helper.make_node("ConvTranspose", ["p", "w"], [last], strides=[stride] * 2, pads=[pads] * 4),
    ]
    constants = {
        "pad": np.int64([0, 0, 1, 1, 0, 0, 1, 1]),
        "value": np.float32(value),
        "w": kernel,
    }
    if crop:
        constants |= {name: np.int64(of) for name, of in zip(("from", "to", "axes"), crop)}
        nodes.append(helper.make_node("Slice", ["z", "from", "to", "axes"], ["y"]))
        rows = crop[1][0] - crop[0][0]
    graph = helper.make_graph(
        nodes,
        "enlarge",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 2, rows, rows))],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def compare(stride, pads, value=0.0, crop=None, name=""):
    """Return whether shapes agree, and the largest difference if they do."""
    data = model(stride, pads, value, crop)
    expected = onnxruntime.InferenceSession(data).run(None, {"x": image})[0]
    read = core.read_model(io.BytesIO(data))
    found = core.compile_model(read, "CPU")(image)[0]
    same = found.shape == expected.shape
    off = np.abs(found - expected).max() if same else np.inf
    rows = f"{expected.shape[2]}  {read.outputs[0].shape[2]}  {found.shape[2]}"
    print(f"stride {stride}, pads {pads}{name:13} {rows}" + (f"  {off:.2f}" if same else ""))
    return same, off


assert not compare(2, 1)[0], "the shape is kept now"
same, off = compare(2, 1, crop=([2, 2], [18, 18], [2, 3]), name=", rows 2:18")
assert same and off > 0.5, "the picture is in its place now"
assert not compare(3, 1)[0], "the shape is kept now"
for case in ({"stride": 1, "pads": 1}, {"stride": 2, "pads": 0}):
    assert compare(**case)[1] < 1e-5
assert compare(2, 1, value=0.1, name=", Pad by 0.1")[1] < 1e-5
PYTHON
"$work/env/bin/python" "$work/pad.py" 2>/dev/null
