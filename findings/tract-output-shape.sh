#!/usr/bin/env bash
# tract 0.23.9: a transposed convolution that states its output_shape is shifted by its padding.
#
# tract 0.23.9, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# A ConvTranspose may state its pads, or the size of its output, from which the pads follow: half of
# what is too much is cut off at the start, half at the end, and of an odd number the larger half at
# the start. tract cuts off all of it at the end. The size is right and the image is shifted, by one
# pixel for a kernel of 4 with stride 2, the usual one that doubles an image. Nothing is said. With
# the pads or with auto_pad the same convolution is right.
#
# A good guess is that a size that is right was come by rightly, since no size is left to compare,
# or that the two forms of one padding are one to an importer.
#
# Seen (8x8 to 16x16 with stride 2; largest difference from ONNX Runtime, and from ONNX Runtime's
# result with all of the padding at the end):
#   kernel 4, pads            0.0 6.0
#   kernel 4, auto_pad        0.0 6.0
#   kernel 4, output_shape    6.0 0.0
#   kernel 3, output_shape    3.9 0.0
#   kernel 2, output_shape    0.0 0.0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    tract==0.23.9 onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > "$work/shift.py" <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
import tract
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)
image = random.uniform(-1, 1, (1, 3, 8, 8)).astype(np.float32)
weights = {k: random.uniform(-1, 1, (3, 3, k, k)).astype(np.float32) for k in (2, 3, 4)}


def model(kernel, attributes):
    graph = helper.make_graph(
        [helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], **attributes)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3, 16, 16))],
        [numpy_helper.from_array(weights[kernel], "w")],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(result, full_check=True)
    return result


def by_onnxruntime(kernel, attributes):
    data = model(kernel, attributes).SerializeToString()
    return onnxruntime.InferenceSession(data).run(None, {"x": image})[0]


def by_tract(kernel, attributes):
    path = f"{sys.argv[1]}/one.onnx"
    onnx.save(model(kernel, attributes), path)
    runnable = tract.onnx().load(path).into_model().into_runnable()
    return runnable.run([image])[0].to_numpy()


SIZE = {"output_shape": [16, 16]}
CASES = [
    ("pads", 4, {"pads": [1, 1, 1, 1]}, False),
    ("auto_pad", 4, {"auto_pad": "SAME_UPPER"}, False),
    ("output_shape", 4, SIZE, True),
    ("output_shape", 3, SIZE, True),
    ("output_shape", 2, SIZE, False),
]
for label, kernel, attributes, shifted in CASES:
    result, right = by_tract(kernel, attributes), by_onnxruntime(kernel, attributes)
    at_end = by_onnxruntime(kernel, {"pads": [0, 0, kernel - 2, kernel - 2]})
    wrong = abs(result - right).max()
    print(f"kernel {kernel}, {label:15} {wrong:.1f} {abs(result - at_end).max():.1f}")
    assert (wrong > 1) == shifted, "another shift now"
    assert not shifted or np.allclose(result, at_end, atol=1e-5), "another shift now"
PYTHON
"$work/env/bin/python" "$work/shift.py" "$work"
