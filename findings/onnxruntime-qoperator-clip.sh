#!/usr/bin/env bash
# ONNX Runtime's quantize_static drops a Clip behind a Relu where it writes QOperator files.
#
# onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# A Relu or Clip behind a convolution is left out of the quantized file, since the range of the 8-bit
# numbers does what it does. The range is that of one tensor. With two of them in a row, QOperator
# files take the range of the first activation's output and leave both out: Relu and Clip to 0..0.3
# become a Relu. Two Clips become the first. Nothing is said. The QDQ file of the same call takes the
# range of the last, and is right; so is the QOperator file if the first of the two is a Relu and the
# second a LeakyRelu, which it keeps.
#
# A good guess is that both formats leave out the same operators with the same care, or that only
# one operator a convolution is left out. Relu and Clip in a row are what is exported of a block that
# ends in a Relu before an image is clipped to its range.
#
# Seen (largest value of the float file, and of the quantized ones; operators of the QOperator one):
#   Relu, Clip 0..0.3           0.30  QDQ 0.30  QOperator 2.76  QLinearConv
#   Clip -0.2..0.3, Clip 0..0.1 0.10  QDQ 0.10  QOperator 0.30  QLinearConv
#   Clip 0..0.3, Relu           0.30  QDQ 0.30  QOperator 0.30  QLinearConv
#   Relu, LeakyRelu             2.77  QDQ 2.76  QOperator 2.76  QLinearConv QLinearLeakyRelu
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > "$work/clip.py" <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

rng = np.random.default_rng(0)
image = (2 * rng.random((1, 3, 8, 8)) - 1).astype(np.float32)
kernel = rng.standard_normal((4, 3, 1, 1)).astype(np.float32)
source, target = sys.argv[1:]


class OneImage(CalibrationDataReader):
    def __init__(self):
        self.images = iter([{"x": image}])

    def get_next(self):
        return next(self.images, None)


def model(activations):
    """Return a 1x1 convolution and the activations: (kind, least, greatest) or (kind,)."""
    constants, nodes, last = {"w": kernel}, [helper.make_node("Conv", ["x", "w"], ["c"])], "c"
    for index, (kind, *bounds) in enumerate(activations):
        names = [f"bound{index}{end}" for end in range(len(bounds))]
        constants |= dict(zip(names, map(np.float32, bounds)))
        result = "y" if index + 1 == len(activations) else f"a{index}"
        nodes.append(helper.make_node(kind, [last, *names], [result]))
        last = result
    graph = helper.make_graph(
        nodes,
        "block",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4, 8, 8))],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(result, full_check=True)
    onnx.save(result, source)


def greatest(path):
    return onnxruntime.InferenceSession(path).run(None, {"x": image})[0].max()


def compare(name, *activations):
    model(activations)
    values = [greatest(source)]
    for kind in (QuantFormat.QDQ, QuantFormat.QOperator):
        quantize_static(
            source,
            target,
            OneImage(),
            quant_format=kind,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        values.append(greatest(target))
    kept = [n.op_type for n in onnx.load(target).graph.node if n.op_type.startswith("QLinear")]
    print(f"{name:27} {values[0]:.2f}  QDQ {values[1]:.2f}  QOperator {values[2]:.2f} ", *kept)
    assert abs(values[1] - values[0]) < 0.02, "QDQ is off"
    return values[2] - values[0]


lost = [
    compare("Relu, Clip 0..0.3", ("Relu",), ("Clip", 0, 0.3)),
    compare("Clip -0.2..0.3, Clip 0..0.1", ("Clip", -0.2, 0.3), ("Clip", 0, 0.1)),
]
kept = [
    compare("Clip 0..0.3, Relu", ("Clip", 0, 0.3), ("Relu",)),
    compare("Relu, LeakyRelu", ("Relu",), ("LeakyRelu",)),
]
assert min(lost) > 0.15 and max(map(abs, kept)) < 0.02, "the second activation counts now"
PYTHON
"$work/env/bin/python" "$work/clip.py" "$work/float.onnx" "$work/quantized.onnx" 2>/dev/null
