#!/usr/bin/env bash
# OpenVINO 2026.4.1 drops the activation that a TFLite file fused into its TRANSPOSE_CONV.
#
# openvino 2026.4.1, ai-edge-litert 2.3.0, numpy 2.4.6, flatbuffers 25.12.19; Python 3.11,
# Linux x86-64.
#
# OpenVINO reads .tflite files itself. From its version 4 on, TRANSPOSE_CONV has an activation, as
# CONV_2D does, and LiteRT computes it. OpenVINO reads weights, bias and strides of such an operator
# and leaves out the activation; CONV_2D with the same activation is right. Nothing is said, and
# version 4 is not refused.
#
# A good guess is that an operator's version is there to be checked, or that what is read for one
# convolution is read for the other. With RELU as an operator of its own the result is right.
#
# Seen (largest difference from LiteRT, and least value by LiteRT and by OpenVINO):
#   CONV_2D         RELU   0.0   0.0   0.0
#   TRANSPOSE_CONV  NONE   0.0  -4.0  -4.0
#   TRANSPOSE_CONV  RELU   4.0   0.0  -4.0
#   TRANSPOSE_CONV  RELU6  4.0   0.0  -4.0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    openvino==2026.4.1 ai-edge-litert==2.3.0 numpy==2.4.6 flatbuffers==25.12.19
cat > "$work/activation.py" <<'PYTHON'
import sys

import flatbuffers
import numpy as np
import openvino
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

random = np.random.default_rng(0)
image = random.uniform(-1, 1, (1, 6, 8, 4)).astype(np.float32)
weights = random.uniform(-1, 1, (4, 4, 4, 4)).astype(np.float32)
bias = random.uniform(-1, 1, 4).astype(np.float32)
Code, Kind = schema.BuiltinOperator, schema.BuiltinOptions
Activation = schema.ActivationFunctionType


def filled(made, **fields):
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def file_of(code, version, inputs, kind, options, size):
    """Return a file of one operator; tensors: image, weights, output size, output, bias."""
    constants = {1: weights, 2: np.array(size, np.int32), 4: bias}
    buffers, tensors = [schema.BufferT()], []
    for index, shape in enumerate([image.shape, weights.shape, (4,), size, bias.shape]):
        if index in constants:
            data = list(constants[index].tobytes())
            buffers.append(filled(schema.BufferT(), data=data))
        tensors.append(
            filled(
                schema.TensorT(), name=f"t{index}", shape=list(shape),
                type=schema.TensorType.INT32 if index == 2 else schema.TensorType.FLOAT32,
                buffer=len(buffers) - 1 if index in constants else 0,
            )
        )
    operator = filled(
        schema.OperatorT(), opcodeIndex=0, inputs=inputs, outputs=[3], builtinOptionsType=kind,
        builtinOptions=options,
    )
    graph = filled(
        schema.SubGraphT(), tensors=tensors, inputs=[0], outputs=[3], operators=[operator]
    )
    model = filled(
        schema.ModelT(), version=3, subgraphs=[graph], buffers=buffers,
        operatorCodes=[
            filled(
                schema.OperatorCodeT(), builtinCode=code, deprecatedBuiltinCode=code,
                version=version,
            )
        ],
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def convolution(activation):
    options = filled(
        schema.Conv2DOptionsT(), padding=0, strideW=1, strideH=1, dilationWFactor=1,
        dilationHFactor=1, fusedActivationFunction=activation,
    )
    return file_of(Code.CONV_2D, 3, [0, 1, 4], Kind.Conv2DOptions, options, (1, 6, 8, 4))


def transposed(activation):
    options = filled(
        schema.TransposeConvOptionsT(), padding=0, strideW=2, strideH=2,
        fusedActivationFunction=activation,
    )
    size = (1, 12, 16, 4)
    kind = Kind.TransposeConvOptions
    return file_of(Code.TRANSPOSE_CONV, 4, [2, 1, 0, 4], kind, options, size)


def by_litert(data):
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def by_openvino(data):
    path = f"{sys.argv[1]}/one.tflite"
    with open(path, "wb") as file:
        file.write(data)
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(core.read_model(path), "CPU", options)(image)[0]


CASES = [
    ("CONV_2D", convolution, "RELU", False),
    ("TRANSPOSE_CONV", transposed, "NONE", False),
    ("TRANSPOSE_CONV", transposed, "RELU", True),
    ("TRANSPOSE_CONV", transposed, "RELU6", True),
]
for label, written, activation, dropped in CASES:
    data = written(getattr(Activation, activation))
    right, result = by_litert(data), by_openvino(data)
    error = abs(result - right).max()
    print(f"{label:15} {activation:5} {error:4.1f} {right.min():5.1f} {result.min():5.1f}")
    assert (error > 1) == dropped, "other results now"
    plain = by_openvino(written(Activation.NONE))
    assert not dropped or np.allclose(result, plain, atol=1e-5), "other results now"
PYTHON
"$work/env/bin/python" "$work/activation.py" "$work" 2>/dev/null
