#!/usr/bin/env bash
# ONNX Runtime 1.31.1: a pool with dilations and SAME padding returns a smaller image.
#
# onnxruntime 1.31.1, onnx 1.23.2, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# auto_pad = SAME_UPPER or SAME_LOWER pads so that the output has ceil(input / stride) rows, by the
# specification, by ONNX's shape inference and by its reference evaluator for MaxPool. ONNX
# Runtime takes the padding for a window without gaps: with dilations of 2, a 3x3 window reaches
# over 5 rows and is padded by 2 where 4 are needed. Its Conv refuses such a node; its pools run.
# Where the model states its size, a warning is logged; with open height and width nothing is.
#
# A good guess is that what one operator refuses is refused, or right, in the next, or that SAME
# keeps the size. In a pyramid whose branches are enlarged to the image again, the final shape is
# right, and each branch is shifted and cropped. With its pads written out the pool is right.
#
# Seen (8x8, window and dilations; rows by ONNX's inference, by ONNX Runtime, and with the pads
# written out, and the largest difference of the last from NumPy):
#   MaxPool      2x2  1   8 8 8  0
#   MaxPool      3x3  1   8 8 8  0
#   MaxPool      2x2  2   8 7 8  0
#   MaxPool      3x3  2   8 6 8  0
#   AveragePool  3x3  2   8 6 8  0
#   Conv         3x3  2   8 refused
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > "$work/pools.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

image = np.random.default_rng(0).random((1, 1, 8, 8), np.float32)


def model(kind, kernel, sizes, **attributes):
    weight = numpy_helper.from_array(np.ones((1, 1, kernel, kernel), np.float32), "w")
    names = ["x", "w"] if kind == "Conv" else ["x"]
    graph = helper.make_graph(
        [helper.make_node(kind, names, ["y"], kernel_shape=[kernel] * 2, **attributes)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, *sizes])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, "rows", "columns"])],
        [weight] if kind == "Conv" else [],
    )
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(result, full_check=True)
    return result


def run(kind, kernel, **attributes):
    data = model(kind, kernel, ["h", "w"], **attributes).SerializeToString()
    return onnxruntime.InferenceSession(data).run(None, {"x": image})[0]


def inferred(kind, kernel, **attributes):
    inferred = onnx.shape_inference.infer_shapes(model(kind, kernel, [8, 8], **attributes))
    return inferred.graph.output[0].type.tensor_type.shape.dim[2].dim_value


def definition(kind, kernel, dilation, before):
    """Return the pool of each pixel over the places of its window that lie in the image."""
    result = np.empty_like(image)
    for row, column in np.ndindex(8, 8):
        rows = [row - before + dilation * i for i in range(kernel)]
        columns = [column - before + dilation * i for i in range(kernel)]
        window = [image[0, 0, i, j] for i in rows for j in columns if 0 <= i < 8 and 0 <= j < 8]
        result[0, 0, row, column] = max(window) if kind == "MaxPool" else np.mean(window)
    return result


PLAIN = [("MaxPool", 2, 1, 8), ("MaxPool", 3, 1, 8)]
DILATED = [("MaxPool", 2, 2, 7), ("MaxPool", 3, 2, 6), ("AveragePool", 3, 2, 6)]
for kind, kernel, dilation, rows in PLAIN + DILATED:
    same = {"auto_pad": "SAME_UPPER", "dilations": [dilation] * 2}
    total = dilation * (kernel - 1)
    pads = [total // 2] * 2 + [total - total // 2] * 2
    explicit = run(kind, kernel, pads=pads, dilations=[dilation] * 2)
    ran = run(kind, kernel, **same).shape[2]
    error = abs(explicit - definition(kind, kernel, dilation, total // 2)).max()
    size = inferred(kind, kernel, **same)
    rows_seen = f"{size} {ran} {explicit.shape[2]}"
    print(f"{kind:12} {kernel}x{kernel}  {dilation}   {rows_seen} {error:2.0f}")
    assert (size, explicit.shape[2]) == (8, 8) and error < 1e-6
    assert ran == rows, "other sizes now"
same = {"auto_pad": "SAME_UPPER", "dilations": [2, 2]}
try:
    run("Conv", 3, **same)
except Exception as error:
    assert "Dilation not supported" in str(error)
    print("Conv         3x3  2  ", inferred("Conv", 3, **same), "refused")
else:
    raise AssertionError("the convolution runs now")
PYTHON
"$work/env/bin/python" "$work/pools.py" 2>/dev/null
