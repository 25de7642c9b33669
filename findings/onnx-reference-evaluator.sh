#!/usr/bin/env bash
# onnx 1.23.2: its reference evaluator is wrong for five operators, and says nothing.
#
# onnx 1.23.2, onnxruntime 1.31.1, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# ReferenceEvaluator computes a model in NumPy, slowly, "to be a reference". A good guess is that
# where it and a runtime differ by more than a rounding, the runtime is wrong. Here the runtime is
# right by the text of the specification, and the evaluator returns another image:
#
# MaxPool with pads reads them as top, bottom, left, right where the strides are 1, though ONNX
# orders them top, left, bottom, right: one row more at the end of both axes becomes two columns.
# MaxPool with SAME_LOWER rounds the size down where it is in / stride, rounded up.
# LRN loops over the images of the batch in place of the channels: with one image, all channels but
# the first are divided by the bias alone.
# LpNormalization with p = 1 adds the values, not their magnitudes, and so may divide by next to 0.
# Softmax of opset 12 and older normalises over one axis, not over it and all that follow.
#
# Seen (4 channels of 8x8, values -1 to 1; shape, or each channel's largest error against NumPy):
#   MaxPool, pads 0 0 1 1     evaluator (7, 9)  ONNX Runtime (8, 8)
#   MaxPool, SAME_LOWER       evaluator (2, 2)  ONNX Runtime (3, 3)
#   LRN                       evaluator 0.00 0.20 0.22 0.16  ONNX Runtime 0.00 0.00 0.00 0.00
#   LpNormalization, p 1      evaluator 57.21 24.63 56.56 90.14  ONNX Runtime 0.00 0.00 0.00 0.00
#   Softmax, opset 11         evaluator 0.52 0.60 0.50 0.54  ONNX Runtime 0.00 0.00 0.00 0.00
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > "$work/evaluator.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

image = np.random.default_rng(0).uniform(-1, 1, (1, 4, 8, 8)).astype(np.float32)


def both(kind, opset=18, **attributes):
    """Return the results of the evaluator and of ONNX Runtime."""
    graph = helper.make_graph(
        [helper.make_node(kind, ["x"], ["y"], **attributes)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "c", "h", "w"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    feed = {"x": image}
    return ReferenceEvaluator(model).run(None, feed)[0], session.run(None, feed)[0]


def shapes(label, expected, **attributes):
    """Print the sizes; the one of the specification is `expected`."""
    evaluator, runtime = (one.shape[2:] for one in both("MaxPool", **attributes))
    print(f"{label:25} evaluator {evaluator}  ONNX Runtime {runtime}")
    assert runtime == expected != evaluator, "other sizes now"


def values(label, truth, kind, wrong, **attributes):
    """Print the largest difference of each channel from `truth`."""
    errors = [abs(one - truth).max(axis=(0, 2, 3)) for one in both(kind, **attributes)]
    texts = [" ".join(f"{error:.2f}" for error in one) for one in errors]
    print(f"{label:25} evaluator {texts[0]}  ONNX Runtime {texts[1]}")
    assert errors[1].max() < 1e-5 and ((errors[0] > 1e-2) == wrong).all(), "other values now"


shapes("MaxPool, pads 0 0 1 1", (8, 8), kernel_shape=[2, 2], pads=[0, 0, 1, 1])
shapes("MaxPool, SAME_LOWER", (3, 3), kernel_shape=[2, 2], strides=[3, 3], auto_pad="SAME_LOWER")
squares = np.pad(image**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
sums = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
norm = image / (1 + 0.5 / 3 * sums) ** 0.75
values("LRN", norm, "LRN", [False, True, True, True], size=3, alpha=0.5)
shares = image / abs(image).sum(axis=1, keepdims=True)
values("LpNormalization, p 1", shares, "LpNormalization", [True] * 4, axis=1, p=1)
powers = np.exp(image)
values("Softmax, opset 11", powers / powers.sum(), "Softmax", [True] * 4, opset=11, axis=1)
PYTHON
"$work/env/bin/python" "$work/evaluator.py"
