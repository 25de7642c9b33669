#!/usr/bin/env bash
# OpenCV 5.0: a batch norm in front of a convolution changes other convolutions of the same weights.
#
# opencv-python-headless 5.0.0.93, onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux
# x86-64.
#
# `cv2.dnn.readNetFromONNX` folds a BatchNormalization into the convolution behind it where that has
# no padding, as any 1x1 has not. It scales the weights where they lie. A second convolution that
# reads the same initializer, in a recursive network, or in one that applies one extractor to two
# images, then computes with the scaled weights. The first stays right, the shapes are right, and
# nothing is said. It is enough that both read one bias. With a copy of the weights for each, with a
# Relu between batch norm and convolution, or with padding, the same network is right; and so is a
# batch norm behind the convolution, which is folded as well.
#
# A good guess is that a folded weight is a new one, or that weights with one reader alone are
# folded. torch exports a module that is called twice with one initializer.
#
# Seen (convolution of the normalised image minus that of the image; largest difference from ONNX
# Runtime, and largest value):
#   one weight, 1x1            0.35  0.37
#   one weight, 3x3            0.69  0.43
#   one bias, 1x1              0.36  0.37
#   a copy each, 1x1           0.00  0.37
#   one weight, Relu, 1x1      0.00  0.57
#   one weight, 3x3 padded     0.00  0.32
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/shared.py" <<'PYTHON'
import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(3)
rng = np.random.default_rng(0)
image = rng.random((1, 4, 12, 12)).astype(np.float32)
NORM = {
    "scale": np.float32([1, 2, 0.5, 1.5]),
    "shift": np.float32([0.1, -0.2, 0.3, 0]),
    "mean": np.float32([0.2, 0, -0.1, 0.1]),
    "var": np.float32([1, 2, 0.5, 1]),
}


def model(size, second, relu, pad):
    """Return convolution(norm(x)) - convolution(x), the second with the named weight and bias."""
    kernel = (rng.standard_normal((4, 4, size, size)) / 2 / size).astype(np.float32)
    bias = np.float32([0.1, 0.2, -0.1, -0.4])
    constants = {"w": kernel, "w2": kernel.copy(), "b": bias, "b2": bias.copy(), **NORM}
    nodes = [
        helper.make_node("BatchNormalization", ["x", *NORM], ["n"]),
        *([helper.make_node("Relu", ["n"], ["r"])] if relu else []),
        helper.make_node("Conv", ["r" if relu else "n", "w", "b"], ["p"], pads=[pad] * 4),
        helper.make_node("Conv", ["x", *second], ["q"], pads=[pad] * 4),
        helper.make_node("Sub", ["p", "q"], ["y"]),
    ]
    side = 12 - size + 1 + 2 * pad
    graph = helper.make_graph(
        nodes,
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4, side, side))],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(result, full_check=True)
    return result.SerializeToString()


def off(name, *kind):
    data = model(*kind)
    expected = onnxruntime.InferenceSession(data).run(None, {"x": image})[0]
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(image)
    result = np.array(net.forward())
    assert result.shape == expected.shape
    difference = np.abs(result - expected).max()
    print(f"{name:25}  {difference:.2f}  {np.abs(expected).max():.2f}")
    return difference


wrong = [
    off("one weight, 1x1", 1, ("w", "b2"), False, 0),
    off("one weight, 3x3", 3, ("w", "b2"), False, 0),
    off("one bias, 1x1", 1, ("w2", "b"), False, 0),
]
right = [
    off("a copy each, 1x1", 1, ("w2", "b2"), False, 0),
    off("one weight, Relu, 1x1", 1, ("w", "b2"), True, 0),
    off("one weight, 3x3 padded", 3, ("w", "b2"), False, 1),
]
assert min(wrong) > 0.1, "shared weights are kept now"
assert max(right) < 1e-5, "other networks are off, too"
PYTHON
"$work/env/bin/python" "$work/shared.py" 2>/dev/null
