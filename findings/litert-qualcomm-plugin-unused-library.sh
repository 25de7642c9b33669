#!/usr/bin/env bash
# ai-edge-litert 2.3.0: its Qualcomm compiler does not load without a library that it never uses.
#
# ai-edge-litert 2.3.0, onnxruntime-qnn 2.7.0 (QNN 2.51), onnxruntime 1.31.1, numpy 2.4.6,
# flatbuffers 25.12.19; Python 3.11, Linux x86-64 with glibc 2.35.
#
# `apply_plugin_main` compiles a .tflite file for a Snapdragon's NPU with QNN's libraries. Those of
# the PyPI package onnxruntime-qnn do all of it, but the plugin also links libQnnLpai.so, of the
# low-power audio unit, which the package lacks, and without it no plugin is loaded. Any other
# shared library under that name will do: the plugin takes no symbol of the libraries that it links,
# and opens those that it uses itself. Here another of QNN's own stands in by a symbolic link, and a
# file with one RELU compiles whole.
#
# A good guess is that what a program links it needs, so that NPU files want the full SDK of
# Qualcomm, a download with an account, though a package of PyPI has all that is used.
#
# Seen (exit code; what the tool says):
#   libraries as they are installed: 6  [LITERT_TOOLS:APPLY] Loaded 0 plugins
#   another one called libQnnLpai:   0  selected 1 ops, from a total of 1 ops
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    ai-edge-litert==2.3.0 onnxruntime-qnn==2.7.0 onnxruntime==1.31.1 numpy==2.4.6 \
    flatbuffers==25.12.19
cat > "$folder/compile.py" <<'PYTHON'
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

FOLDER = Path(sys.argv[1])
LITERT = Path(find_spec("ai_edge_litert").origin).parent
QNN = Path(find_spec("onnxruntime_qnn").origin).parent


def tensor(name):
    made = schema.TensorT()
    made.name, made.shape, made.buffer = name, [1, 16, 16, 8], 0
    made.type = schema.TensorType.FLOAT32
    return made


def relu():
    """Return a float .tflite file of one RELU."""
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RELU
    code.version = 1
    operator.inputs, operator.outputs = [0], [1]
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors = [tensor("image"), tensor("result")]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    model.version, model.operatorCodes = 3, [code]
    model.subgraphs, model.buffers = [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def compile_with(*more):
    """Compile for a Snapdragon 8 Elite; return the exit code and what the tool says."""
    folders = [*more, QNN, QNN.with_name("onnxruntime_qnn.libs"), LITERT]
    done = subprocess.run(
        [
            LITERT / "tools" / "apply_plugin_main", "--cmd=apply", "--err=--",
            f"--model={FOLDER / 'relu.tflite'}", f"--o={FOLDER / 'compiled.tflite'}",
            "--soc_manufacturer=Qualcomm", "--soc_model=SM8750",
            f"--libs={LITERT / 'vendors' / 'qualcomm' / 'compiler'}",
        ],
        env=os.environ | {"LD_LIBRARY_PATH": ":".join(map(str, folders))},
        capture_output=True, text=True, errors="replace",
    )
    said = done.stdout + done.stderr
    found = re.search(r"selected \d+ ops, from a total of \d+ ops|.*Loaded 0 plugins", said)
    return done.returncode, found[0] if found else "nothing of the kind"


(FOLDER / "relu.tflite").write_bytes(relu())
assert not (QNN / "libQnnLpai.so").exists(), "the package has the library now"
code, said = compile_with()
print(f"libraries as they are installed: {code}  {said}")
assert code == 6, "the plugin loads without the library now"
assert "Loaded 0 plugins" in said
(FOLDER / "beside").mkdir()
(FOLDER / "beside" / "libQnnLpai.so").symlink_to(QNN / "libQnnSystem.so")
code, said = compile_with(FOLDER / "beside")
print(f"another one called libQnnLpai:   {code}  {said}")
assert code == 0
assert said.startswith("selected 1 ops")
PYTHON
"$folder/venv/bin/python" "$folder/compile.py" "$folder"
