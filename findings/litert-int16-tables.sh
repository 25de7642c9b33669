#!/usr/bin/env bash
# LiteRT's int16 RSQRT and LOG are made of straight lines, which near 0 miss the curve.
#
# ai-edge-litert 2.3.0, numpy 2.4.6, flatbuffers 25.9.23; Python 3.11, Linux x86-64.
#
# One file with one operator, run on every positive code, compared with the exact function of what
# the codes mean. In int8 the two are tables of all 256 codes, right to half a code. In int16 they
# are tables of 513 points, 128 codes apart, with straight lines between, and no point knows that
# the curve goes to infinity at 0. RSQRT of the first 127 codes is up to 7 times too large, LOG twice
# as low as it should be; the next hundred codes are off by tens. With a picture of 0 to 1 in int16,
# the first 128 codes are what an 8-bit picture has between its levels 0 and 1; a variance of 0 to 1
# is below that wherever the picture is flat, and 1 / sqrt(variance) is what a norm multiplies by.
# EXP, whose curve is flat where it is long, is right to a few codes. Kernels with and without the
# default delegate agree to the bit.
#
# A good guess is that 16 bits are finer than 8 in every operator that has both.
#
# Seen (codes of the output; largest error of the first 127 codes and of the next 1000, share of all
# that are off by more than one code; input in steps of 1e-4, as 8 bits in steps of .0256):
#                first    next   share
#   RSQRT int16  19953    24     1.8 %
#   LOG int16    12257    84     5.6 %
#   EXP int16    0.6      1.3    25 %
#   RSQRT int8   0.5, LOG int8 0.5, on all codes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    ai-edge-litert==2.3.0 numpy==2.4.6 flatbuffers==25.9.23
cat > "$folder/tables.py" <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

KERNELS = (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
TYPES = {np.int8: schema.TensorType.INT8, np.int16: schema.TensorType.INT16}
FUNCTIONS = {"RSQRT": lambda x: x**-0.5, "LOG": np.log, "EXP": np.exp}
VERSIONS = {("RSQRT", np.int16): 3}


def tensor(name, dtype, count, scale, zero_point):
    made = schema.TensorT()
    made.name, made.shape, made.type = name, [1, count], TYPES[dtype]
    made.buffer, made.quantization = 0, schema.QuantizationParametersT()
    made.quantization.scale, made.quantization.zeroPoint = [scale], [zero_point]
    return made


def unary(kind, dtype, count, x, y):
    """Return a .tflite file with one operator; `x` and `y` are scales and zero points."""
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = VERSIONS.get((kind, dtype), 2)
    operator.inputs, operator.outputs = [0], [1]
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors = [tensor("x", dtype, count, *x), tensor("y", dtype, count, *y)]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    model.version, model.operatorCodes = 3, [code]
    model.subgraphs, model.buffers = [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(data, codes, kernels):
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], codes[None])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


def errors(kind, dtype, x, y):
    """Return the absolute error in codes of each positive code; 0 where the result saturates."""
    limits = np.iinfo(dtype)
    codes = np.arange(x[1] + 1, limits.max + 1).astype(dtype)
    data = unary(kind, dtype, codes.size, x, y)
    results = [run(data, codes, kernels) for kernels in KERNELS]
    assert np.array_equal(*results)
    exact = FUNCTIONS[kind]((codes.astype(float) - x[1]) * x[0]) / y[0] + y[1]
    inside = (exact >= limits.min) & (exact <= limits.max)
    return np.where(inside, np.abs(results[0] - exact), 0)


for kind, step in (("RSQRT", 0.01), ("LOG", 5e-4), ("EXP", 1e-3)):
    off = errors(kind, np.int16, (1e-4, 0), (step, 0))
    first, following = off[:127].max(), off[127:1127].max()
    print(f"{kind} int16: {first:.1f} {following:.1f} {100 * (off > 1).mean():.1f} %")
    assert (first > 1000 and following > 10) == (kind != "EXP"), "another interpolation now"
for kind, y in (("RSQRT", (0.03, -128)), ("LOG", (0.03, 0))):
    off = errors(kind, np.int8, (0.0256, -128), y)
    print(f"{kind} int8: {off.max():.1f}")
    assert off.max() < 0.51
PYTHON
"$folder/venv/bin/python" "$folder/tables.py" 2> >(grep -v "^INFO" >&2)
