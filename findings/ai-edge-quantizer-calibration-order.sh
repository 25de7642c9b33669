#!/usr/bin/env bash
# ai-edge-quantizer 0.10.0: the first calibration image sets the ranges, and the last hardly counts.
#
# ai-edge-quantizer 0.10.0, ai-edge-litert 2.3.0, numpy 2.4.6, flatbuffers 25.9.23; Python 3.11,
# Linux x86-64.
#
# One file with one operator, a 1x1 convolution that returns the image, is calibrated on eight
# images, seven of them 0 to 1 and one dark, 0 to 0.1. The static recipe's algorithm is called
# "min_max_uniform_quantize", and what `Quantizer.calibrate` returns for a tensor is called "min"
# and "max". They are moving averages of each image's own: the first is taken as it is, and each
# later one counts 5 %. So the same eight images give another file in another order, and with the
# dark one first all values above 0.37 are cut off; after 64 images the first still weighs 4 %.
# `Quantizer.calibrate` has no argument for it; the function that merges ranges is one of
# `Calibrator`, which it makes itself.
#
# A good guess is that the ranges hold every value that any image of the set has, as those of a
# min-max observer do elsewhere, and that the order of the images is free.
#
# Seen (largest value that the int8 input can hold, and PSNR of a ramp from 0 to 1 stored in it):
#    8 images, the dark one last:  0.9550  44.5 dB
#    8 images, the dark one first: 0.3715  10.8 dB
#   64 images, the dark one first: 0.9645  47.3 dB
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0 numpy==2.4.6 flatbuffers==25.9.23
cat > "$folder/order.py" <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

SHAPE = (1, 16, 16, 1)


def tensor(name, shape, buffer=0):
    made = schema.TensorT()
    made.name, made.shape, made.buffer = name, list(shape), buffer
    made.type = schema.TensorType.FLOAT32
    return made


def end(name, index):
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, index
    return made


def constant(value):
    made = schema.BufferT()
    made.data = np.frombuffer(np.float32([value]).tobytes(), np.uint8)
    return made


def identity():
    """Return a float .tflite file: a 1x1 convolution with weight 1 and bias 0."""
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 1
    operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    options = operator.builtinOptions = schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    graph, model, signature = schema.SubGraphT(), schema.ModelT(), schema.SignatureDefT()
    graph.tensors = [
        tensor("image", SHAPE),
        tensor("weight", (1, 1, 1, 1), 1),
        tensor("bias", (1,), 2),
        tensor("result", SHAPE),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [3], [operator]
    signature.signatureKey = "serving_default"
    signature.inputs, signature.outputs = [end("image", 0)], [end("result", 3)]
    model.version, model.operatorCodes, model.signatureDefs = 3, [code], [signature]
    model.subgraphs, model.buffers = [graph], [schema.BufferT(), constant(1), constant(0)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def ramp(peak):
    return np.linspace(0, peak, 256, dtype=np.float32).reshape(SHAPE)


def input_codes(peaks):
    """Return scale and zero point of the input, calibrated on ramps that end at `peaks`."""
    made = quantizer.Quantizer(identity(), recipe.static_wi8_ai8())
    ranges = made.calibrate({"serving_default": [{"image": ramp(peak)} for peak in peaks]})
    data = bytes(made.quantize(ranges).quantized_model)
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    return interpreter.get_input_details()[0]["quantization"]


def figures(name, scale, zero_point):
    codes = np.clip(np.rint(ramp(1) / scale) + zero_point, -128, 127)
    psnr = -10 * np.log10(np.mean(((codes - zero_point) * scale - ramp(1)) ** 2))
    largest = (127 - zero_point) * scale
    print(f"{name} {largest:.4f}  {psnr:.1f} dB")
    return largest


last = figures(" 8 images, the dark one last:", *input_codes([1.0] * 7 + [0.1]))
first = figures(" 8 images, the dark one first:", *input_codes([0.1] + [1.0] * 7))
many = figures("64 images, the dark one first:", *input_codes([0.1] + [1.0] * 63))
assert 0.94 < last < 0.97, "the last image counts otherwise now"
assert 0.36 < first < 0.39, "the first image does not set the range any more"
assert 0.95 < many < 0.98
PYTHON
"$folder/venv/bin/python" "$folder/order.py" 2> >(grep -v "^INFO" >&2) | grep "dB$"
