#!/usr/bin/env bash
# The activation that a float ADD carries is not fused in XNNPACK: it is a second pass over memory.
#
# ai-edge-litert 2.3.0, numpy 2.4.6, flatbuffers 25.9.23; Python 3.11, Linux x86-64.
#
# Three files of twenty float32 operators each: ADD; ADD with fused_activation_function RELU; and
# ADD followed by a RELU of its own. LiteRT gives all of them to XNNPACK, whose float kernels of
# elementwise arithmetic have no limits since some releases, so that the delegate defines a clamp of
# its own behind the sum. The fused file takes as long as the one with separate operators, not as
# long as the plain one. LiteRT's own kernel (without XNNPACK) does fuse. On Arm, where an emulator
# can name the kernels that run, each such ADD is `xnn_f32_vadd_ukernel` and then
# `xnn_f32_vclamp_ukernel`, which reads and writes the whole tensor once more.
#
# A good guess, from the schema, from converters that go to lengths to fuse activations and from
# convolutions, where it holds, is that a fused activation is free. So it pays to put it behind a
# convolution, and not behind the sum of a residual block, where the network leaves the choice.
#
# Seen (least of 2000 calls in turns, 1x32x32x16, in times of the plain file):
#   XNNPACK: fused 1.83, separate 1.84
#   own    : fused 0.99, separate 1.75
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    ai-edge-litert==2.3.0 numpy==2.4.6 flatbuffers==25.9.23
cat > "$folder/add.py" <<'PYTHON'
import time  # short calls, so that the least time is of one that nothing disturbed

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

SHAPE, COUNT, CALLS = (1, 32, 32, 16), 20, 2000
KERNELS = {
    "XNNPACK": OpResolverType.AUTO,
    "own": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
}
ADD, RELU = schema.BuiltinOperator.ADD, schema.BuiltinOperator.RELU


def chain(separate=False, fused=schema.ActivationFunctionType.NONE):
    """Return a .tflite file: sums in a row, each with the second input."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    graph.tensors, graph.operators = [], []

    def tensor():
        made = schema.TensorT()
        made.name, made.shape, made.buffer = f"t{len(graph.tensors)}", list(SHAPE), 0
        made.type = schema.TensorType.FLOAT32
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(code, inputs):
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = code, inputs, [tensor()]
        graph.operators.append(made)
        return made

    value, other = tensor(), tensor()
    graph.inputs = [value, other]
    for _ in range(COUNT):
        made = operator(0, [value, other])
        made.builtinOptionsType = schema.BuiltinOptions.AddOptions
        made.builtinOptions = schema.AddOptionsT()
        made.builtinOptions.fusedActivationFunction = fused
        if separate:
            made = operator(1, made.outputs)
        (value,) = made.outputs
    graph.outputs = [value]
    codes = [schema.OperatorCodeT(), schema.OperatorCodeT()]
    for made, code in zip(codes, (ADD, RELU)):
        made.builtinCode = made.deprecatedBuiltinCode = code
        made.version = 1
    model.version, model.operatorCodes = 3, codes
    model.subgraphs, model.buffers = [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def opened(data, kernels):
    interpreter = Interpreter(
        model_content=data, num_threads=1, experimental_op_resolver_type=kernels
    )
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        values = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    return interpreter


def least_times(kernels):
    """Return the least time of each file, the plain one's being 1."""
    files = {
        "plain": chain(),
        "fused": chain(fused=schema.ActivationFunctionType.RELU),
        "separate": chain(separate=True),
    }
    ready = {name: opened(data, kernels) for name, data in files.items()}
    least = dict.fromkeys(ready, float("inf"))
    for _ in range(CALLS):
        for name, interpreter in ready.items():
            start = time.perf_counter()
            interpreter.invoke()
            least[name] = min(least[name], time.perf_counter() - start)
    return {name: seconds / least["plain"] for name, seconds in least.items()}


found = {name: least_times(kernels) for name, kernels in KERNELS.items()}
for name, ratios in found.items():
    print(f"{name:7}: fused {ratios['fused']:.2f}, separate {ratios['separate']:.2f}")
assert found["own"]["fused"] < 1.25, "the own kernel does not fuse any more"
assert found["XNNPACK"]["fused"] > 1.35, "XNNPACK fuses the activation now"
assert abs(found["XNNPACK"]["fused"] / found["XNNPACK"]["separate"] - 1) < 0.2
PYTHON
"$folder/venv/bin/python" "$folder/add.py" 2> >(grep -v "^INFO" >&2)
