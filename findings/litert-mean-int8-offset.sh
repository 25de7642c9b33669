#!/usr/bin/env bash
# An int8 MEAN over the image is off by a constant half level in LiteRT's own kernel.
#
# ai-edge-litert 2.3.0, numpy 2.4.6, flatbuffers 25.9.23; Python 3.11, Linux x86-64.
#
# One file with one operator: int8 MEAN over rows and columns, zero point 5 on both sides, and an
# output scale twice the input's. What a mean of zero points adds, 5 - 5 / 2 = 2.5, is a constant
# of the file. LiteRT's own kernel (used without XNNPACK) rounds that constant to a whole code
# first and the scaled sum afterwards, so that every output is shifted by what the constant lost,
# here half a code, and the worst is a whole code off. XNNPACK, which takes the operator by default,
# and the reference kernel of the same wheel round once.
#
# A good guess is that kernels differ by ties, on few values and to both sides. This is an offset of
# one sign on all values of a tensor, which channel attention passes on to the whole image. It
# depends on scales and zero points alone: with zero point -128 and equal scales it is 0.
#
# Seen (mean difference from the exact mean, and the largest, in codes):
#   zero point    5, scale x2: XNNPACK -0.021 0.500, own -0.500 0.992, reference -0.027 0.508
#   zero point -128, scale x1: XNNPACK +0.027 0.492, own +0.046 0.508, reference +0.058 0.524
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    ai-edge-litert==2.3.0 numpy==2.4.6 flatbuffers==25.9.23
cat > "$folder/mean.py" <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

IMAGES = np.random.default_rng(0).integers(-128, 128, (64, 7, 9, 16)).astype(np.int8)
KERNELS = {
    "XNNPACK": OpResolverType.AUTO,
    "own": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "reference": OpResolverType.BUILTIN_REF,
}


def tensor(name, shape, kind, buffer=0):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, list(shape), kind, buffer
    return made


def quantized(name, shape, scale, zero_point):
    made = tensor(name, shape, schema.TensorType.INT8)
    made.quantization = schema.QuantizationParametersT()
    made.quantization.scale, made.quantization.zeroPoint = [scale], [zero_point]
    return made


def mean(zero_point, factor):
    """Return a .tflite file: the mean over rows and columns, its scale `factor` times the input's."""
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MEAN
    code.version = 2
    operator.builtinOptionsType = schema.BuiltinOptions.ReducerOptions
    operator.builtinOptions = schema.ReducerOptionsT()
    operator.builtinOptions.keepDims = True
    operator.inputs, operator.outputs = [0, 1], [2]
    axes, graph, model = schema.BufferT(), schema.SubGraphT(), schema.ModelT()
    axes.data = np.frombuffer(np.array([1, 2], np.int32).tobytes(), np.uint8)
    graph.tensors = [
        quantized("images", IMAGES.shape, 1 / 255, zero_point),
        tensor("axes", [2], schema.TensorType.INT32, buffer=1),
        quantized("means", (64, 1, 1, 16), factor / 255, zero_point),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [operator]
    model.version, model.operatorCodes = 3, [code]
    model.subgraphs, model.buffers = [graph], [schema.BufferT(), axes]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(data, kernels):
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], IMAGES)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def offsets(zero_point, factor):
    exact = (IMAGES.astype(float) - zero_point).mean((1, 2), keepdims=True) / factor + zero_point
    off = {name: run(mean(zero_point, factor), k) - exact for name, k in KERNELS.items()}
    figures = [f"{name} {d.mean():+.3f} {np.abs(d).max():.3f}" for name, d in off.items()]
    print(f"zero point {zero_point:4}, scale x{factor}: {', '.join(figures)}")
    return off


shifted, plain = offsets(5, 2), offsets(-128, 1)
assert max(abs(d.mean()) for d in plain.values()) < 0.06
assert abs(shifted["XNNPACK"].mean()) < 0.05 and abs(shifted["reference"].mean()) < 0.05
assert shifted["own"].mean() < -0.4, "the own kernel is not shifted any more"
PYTHON
"$folder/venv/bin/python" "$folder/mean.py" 2> >(grep -v "^INFO" >&2)
