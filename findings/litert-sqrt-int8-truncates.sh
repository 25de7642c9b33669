#!/usr/bin/env bash
# LiteRT's int8 SQRT cuts off what RSQRT, EXP and LOG beside it round: half a code too low.
#
# ai-edge-litert 2.3.0, numpy 2.4.6, flatbuffers 25.9.23; Python 3.11, Linux x86-64.
#
# One file with one int8 operator, run on all 256 codes, compared with the exact function of what
# the codes mean, in codes of the output. SQRT never returns more than the exact value: its results
# are rounded down, 0.48 to 0.55 of a code too low in the mean and up to a whole one. RSQRT, EXP and
# LOG, which are tables of 256 entries like it, are rounded to nearest. All kernels of the wheel
# give the same bits; XNNPACK leaves the operator to them.
#
# A good guess is that every int8 operator rounds to nearest, so that errors of a deviation or a
# gradient's length average out. Here they all have one sign: with a result in steps of 1/255, as
# for a picture of 0 to 1, the whole picture is half a level darker.
#
# Seen (mean, least and greatest difference from the exact value, in codes):
#   SQRT, x in steps of .05, result in steps of .02:  -0.481 -0.996 +0.000
#   SQRT, x and result in steps of 1/255:             -0.552 -1.000 +0.000
#   RSQRT, x in steps of .05, result in steps of .01: +0.007 -0.500 +0.497
#   EXP, x in steps of .02, result in steps of .05:   -0.005 -0.499 +0.500
#   LOG, x in steps of .05, result in steps of .03:   +0.021 -0.492 +0.500
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    ai-edge-litert==2.3.0 numpy==2.4.6 flatbuffers==25.9.23
cat > "$folder/sqrt.py" <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

KERNELS = (
    OpResolverType.AUTO,
    OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    OpResolverType.BUILTIN_REF,
)
LOWEST = -128


def tensor(name, count, scale, zero_point):
    made = schema.TensorT()
    made.name, made.shape, made.type = name, [1, count], schema.TensorType.INT8
    made.buffer, made.quantization = 0, schema.QuantizationParametersT()
    made.quantization.scale, made.quantization.zeroPoint = [scale], [zero_point]
    return made


def unary(kind, count, x, y):
    """Return a .tflite file with one operator; `x` and `y` are scales and zero points."""
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = 2
    operator.inputs, operator.outputs = [0], [1]
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors = [tensor("x", count, *x), tensor("y", count, *y)]
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


def differences(kind, function, x, y, first=LOWEST):
    codes = np.arange(first, 128).astype(np.int8)
    data = unary(kind, codes.size, x, y)
    results = [run(data, codes, kernels) for kernels in KERNELS]
    assert all(np.array_equal(result, results[0]) for result in results)
    exact = function((codes.astype(float) - x[1]) * x[0]) / y[0] + y[1]
    off = (results[0] - exact)[(exact >= -128) & (exact <= 127)]
    print(f"{kind}: {off.mean():+.3f} {off.min():+.3f} {off.max():+.3f}")
    return off


roots = [
    differences("SQRT", np.sqrt, (0.05, LOWEST), (0.02, LOWEST)),
    differences("SQRT", np.sqrt, (1 / 255, LOWEST), (1 / 255, LOWEST)),
]
others = [
    differences("RSQRT", lambda x: x**-0.5, (0.05, LOWEST), (0.01, LOWEST), first=-100),
    differences("EXP", np.exp, (0.02, 0), (0.05, LOWEST)),
    differences("LOG", np.log, (0.05, LOWEST), (0.03, 0), first=-100),
]
assert all(off.mean() < -0.4 and off.max() <= 1e-6 for off in roots), "SQRT is rounded now"
assert all(abs(off.mean()) < 0.05 and np.abs(off).max() < 0.51 for off in others)
PYTHON
"$folder/venv/bin/python" "$folder/sqrt.py" 2> >(grep -v "^INFO" >&2)
